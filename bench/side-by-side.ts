/**
 * Measures the service and the baseline, each in workerd alone. Every round measures both in turn, so that other load on
 * the machine affects both. Ratios and figures are medians over the rounds.
 */

import { setTimeout as pause } from "node:timers/promises";
import { type LocalKeys, makeLocalKeys } from "../scripts/local-keys.ts";
import { deriveLocalSecrets } from "../scripts/local-secrets.ts";
import { type Load, load, type Measured, median } from "./load.ts";
import { type Native, startNative } from "./native.ts";

/** No alarm of a job fires during the measurement. */
const DISPATCH_TIMEOUT_MS = "600000";

/** The service publishes a job 0.4 s after it was accepted, and writes updates together for up to a second. */
const INDEXED_MS = 1_500;

/** A side is idle when it uses less than a tenth of this as CPU time. */
const QUIET_MS = 300;

/** The first answers of an isolate are slow: its code is not yet compiled. */
export const WARM_UP_ANSWERS = 1_000;

/** One side. CPU milliseconds per answer: until the answer, and including the work after it. */
export type Side = Measured<number> & { answerCpuMs: number; cpuMs: number };
type Rounds = { service: Side[]; baseline: Side[] };

/** The secrets of the services under load. */
export const benchSecrets = () => deriveLocalSecrets("accepted benchmarks");

let benchKeys: LocalKeys | undefined;

/** Makes the keys of a service that has just been started; `keysUnderLoad` returns them. */
export async function makeBenchKeys(url: string): Promise<LocalKeys> {
  benchKeys = await makeLocalKeys(url, (await benchSecrets()).rootKey);
  return benchKeys;
}

/** The keys of the service that was started last. */
export function keysUnderLoad(): LocalKeys {
  if (!benchKeys) throw new Error("No service has been started.");
  return benchKeys;
}

/** Starts the service in workerd alone; `main` replaces its entry. */
export async function startNativeService(main?: string): Promise<Native> {
  const variables = { ...(await benchSecrets()).variables, DISPATCH_TIMEOUT_MS };
  const native = await startNative("wrangler.toml", { variables, ...(main !== undefined && { main }) });
  await makeBenchKeys(native.url);
  return native;
}

/** Starts both, runs `use`, and always stops them. */
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
  const { acme } = keysUnderLoad();
  return { Authorization: `Bearer ${acme.full}`, "Content-Type": "application/json" };
}

/** `leaves` is the work after the answers. It must end before the other side's turn. */
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
  await pause(INDEXED_MS);
  for (let before = await native.cpuMs(); ; ) {
    await pause(QUIET_MS);
    const after = await native.cpuMs();
    if (after - before <= QUIET_MS / 10) return after;
    before = after;
  }
}

/** Medians of one figure on both sides and of the ratio. A ratio above 1 favours the service. */
export function summary({ service, baseline }: Rounds, of: (side: Side) => number, better: "more" | "less") {
  const ratios = service.map((mine, round) => {
    const other = baseline[round];
    if (!other) return Number.NaN;
    return better === "more" ? of(mine) / of(other) : of(other) / of(mine);
  });
  return { service: median(service.map(of)), baseline: median(baseline.map(of)), ratio: median(ratios) };
}
