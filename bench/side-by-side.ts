/**
 * Two Workers in workerd alone, the service and the baseline, asked in turn: a round asks one and then the other, so that
 * whatever else the machine does meets both. A ratio is the median of the rounds' ratios, a figure of the rounds' figures.
 */

import { setTimeout as pause } from "node:timers/promises";
import { localApiKeys, localKeys } from "../scripts/local-keys.ts";
import { type Load, load, type Measured, median } from "./load.ts";
import { type Native, startNative } from "./native.ts";

/** No alarm of a job rings while it is measured. */
const DISPATCH_TIMEOUT_MS = "600000";

/** The service publishes a job 0.4 s after it was accepted, and writes updates together for up to a second. */
const ANNOUNCED_MS = 1_500;

/** Idle is who uses less than a tenth of this. */
const QUIET_MS = 300;

/** The first answers of an isolate are slow: its code is not yet compiled. */
export const WARM_UP_ANSWERS = 1_000;

/** One of the two, with CPU time per answer in milliseconds: until it was given, and with what it left to be done. */
export type Side = Measured<number> & { answerCpuMs: number; cpuMs: number };
type Rounds = { service: Side[]; baseline: Side[] };

/** The service in workerd alone; with `main`, another entry in place of its own. */
export async function startNativeService(main?: string): Promise<Native> {
  const variables = { API_KEYS: await localApiKeys(), DISPATCH_TIMEOUT_MS };
  return startNative("wrangler.toml", { variables, ...(main !== undefined && { main }) });
}

/** Starts both, lets `use` work with them, and stops them whatever happens. */
export async function withBoth<T>(use: (service: Native, baseline: Native) => Promise<T>): Promise<T> {
  const service = await startNativeService();
  try {
    const baseline = await startNative("bench/baseline/wrangler.toml");
    return await use(service, baseline).finally(() => baseline.stop());
  } finally {
    await service.stop();
  }
}

/** The headers of a request of the local tenant `acme`. */
export async function clientHeaders(): Promise<Record<string, string>> {
  const { acme } = await localKeys();
  return { Authorization: `Bearer ${acme.full}`, "Content-Type": "application/json" };
}

/** `leaves`: the work that answers leave to be done after them, which must not fall into the other's turn. */
export type Asked = { native: Native; asked: Load; leaves: "updates" | "nothing" };
type Amount = { rounds: number; amount: number; connections: number };

/** Both sides, round by round, after both have been warmed up. */
export async function compare(service: Asked, baseline: Asked, plan: Amount): Promise<Rounds> {
  const found: Rounds = { service: [], baseline: [] };
  for (const one of [service, baseline]) await side(one, { ...plan, amount: WARM_UP_ANSWERS });
  for (let round = 0; round < plan.rounds; round += 1) {
    found.baseline.push(await side(baseline, plan));
    found.service.push(await side(service, plan));
  }
  return found;
}

async function side({ native, asked, leaves }: Asked, { amount, connections }: Amount): Promise<Side> {
  const before = await native.cpuMs();
  const measured = await load(asked, amount, connections, native.cpuMs);
  const after = leaves === "nothing" ? measured.atLast : await cpuMsWhenIdle(native);
  const perAnswer = (cpuMs: number) => (cpuMs - before) / amount;
  return { ...measured, answerCpuMs: perAnswer(measured.atLast), cpuMs: perAnswer(after) };
}

/** The CPU time used when all updates have been written. */
async function cpuMsWhenIdle(native: Native): Promise<number> {
  await pause(ANNOUNCED_MS);
  for (let before = await native.cpuMs(); ; ) {
    await pause(QUIET_MS);
    const after = await native.cpuMs();
    if (after - before <= QUIET_MS / 10) return after;
    before = after;
  }
}

/** The median of one figure on either side, and of the service's advantage: above 1, the service is better. */
export function summary({ service, baseline }: Rounds, of: (side: Side) => number, better: "more" | "less") {
  const ratios = service.map((mine, round) => {
    const other = baseline[round];
    if (!other) return Number.NaN;
    return better === "more" ? of(mine) / of(other) : of(other) / of(mine);
  });
  return { service: median(service.map(of)), baseline: median(baseline.map(of)), ratio: median(ratios) };
}
