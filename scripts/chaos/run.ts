/**
 * Chaos: the real service under load, killed with kill -9 at random and started again on the same storage. With it
 * die all queue messages, which are in memory here, every object wherever it stands, and every running attempt;
 * messages come doubled, for the service sends again what is not claimed at once.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { JobView } from "../../src/rpc/views.ts";
import { startRestartable } from "../restartable.ts";
import { type Client, openInsistentClient } from "./client.ts";
import { type Hooks, startHooks } from "./hooks.ts";
import { emptyLoad, type Load, submitUntil } from "./load.ts";
import { allKinds, chanceFrom, type Data, plansOf } from "./plan.ts";
import {
  type Fault,
  faultsOfData,
  faultsOfJob,
  faultsOfListing,
  faultsOfPlaces,
  faultsOfWebhook,
  isExhaustedByCrashes,
} from "./verify.ts";
import { type Watch, watch } from "./watch.ts";

export type Options = {
  seed: number;
  /** How long clients submit, in milliseconds. */
  loadMs: number;
  /** They go on until this many jobs were accepted: a busy machine takes longer. */
  acceptedMin?: number;
  /** And until the service was killed so often: there a restart takes longer, too. */
  killsMin?: number;
  /** The service lives so long between two kills, at least and at most, in milliseconds. */
  livesMs: readonly [number, number];
  /** Hears how it goes. */
  say: (words: string) => void;
};

export type ChaosReport = {
  seed: number;
  kills: number;
  accepted: number;
  /** How many jobs ended so, by status and reason. */
  outcomes: Record<string, number>;
  attempts: number;
  lostAttempts: number;
  /** Jobs whose type's few attempts were all taken by crashes; they failed, and say so. */
  exhaustedByCrashes: number;
  conflicts: number;
  /** Log lines that tell of a repair or a refusal, by event. */
  repairs: Record<string, number>;
  webhooks: number;
  /** Messages that came more than once, under their one id. */
  repeatedWebhooks: number;
  lost: string[];
  doubled: string[];
  wrong: string[];
};

/** Shorter than deployed, or every crash would cost half a minute. */
const PATIENCE = { leaseMs: 4_000, dispatchTimeoutMs: 2_000 };

/** From the last attempt that was to come to the last job's end: a lease, repeated messages, a webhook's retry. */
const SETTLE_MS = 120_000;

/** A listing that lost an announcement is told again by the job's alarm within a minute. */
const LISTED_MS = 150_000;

const ROWS = 2_000;
const REPAIRS = [
  "stale_rejected",
  "dispatch_failed",
  "claim_failed",
  "index_publish_failed",
  "reconcile_failed",
  "delivery_failed",
];

/** Runs it to its end; rejects only if the service does not come back. */
export async function runChaos(options: Options): Promise<ChaosReport> {
  const chance = chanceFrom(options.seed);
  const service = await startRestartable(PATIENCE);
  const hooks = await startHooks(chanceFrom(options.seed + 1));
  try {
    const client = openInsistentClient(service.url, service.keys.acme.full);
    const plans = plansOf(allKinds(await prepare(client), hooks.url), chance);
    const load = emptyLoad();
    const watching = watch(client, load.ids);
    const beganAt = Date.now();
    let kills = 0;
    const isOver = () => {
      const { acceptedMin = 0, killsMin = 0 } = options;
      const isEnough = load.ids.size >= acceptedMin && kills >= killsMin;
      return isEnough && Date.now() - beganAt > options.loadMs;
    };
    const posting = submitUntil(isOver, load, { client, plans, chance, watching });
    await killUntil(isOver, service, options, () => {
      kills += 1;
      options.say(`kill ${kills}, ${load.ids.size} jobs accepted so far`);
    });
    await posting;
    options.say(`${load.ids.size} jobs accepted, ${kills} kills; settling`);
    await settle(load, watching);
    await watching.stop();
    return await judge(client, load, hooks, {
      kills,
      offences: watching.offences,
      seed: options.seed,
      log: service.log,
    });
  } finally {
    hooks.stop();
    await service.discard();
  }
}

/** Stores the file that imports read, and a dataset for reports. */
async function prepare(client: Client): Promise<Data> {
  const csv = `n,amount\n${Array.from({ length: ROWS }, (_, n) => `${n},${n}.25\n`).join("")}`;
  const { data: file } = await client.ask<{ id: string }>("POST", "/v1/files", csv, {
    "Content-Type": "text/csv",
  });
  const dataset = "chaos";
  const request = { type: "csv.import", input: { file: file.id, dataset } };
  await client.ask("POST", "/v1/jobs", request, { Prefer: "wait=9" });
  return { file: file.id, dataset };
}

async function killUntil(
  isOver: () => boolean,
  service: Awaited<ReturnType<typeof startRestartable>>,
  { seed, livesMs: [least, most] }: Options,
  onKill: () => void,
): Promise<void> {
  const chance = chanceFrom(seed + 2);
  while (!isOver()) {
    await pause(chance(least, most));
    await service.kill();
    await service.restart();
    onKill();
  }
}

/** Waits until all have finished, or for as long after the last attempt that is still to come as that may take. */
async function settle(load: Load, watching: Watch): Promise<void> {
  let lastDueAt = Date.now();
  for (let left = [...load.ids]; left.length > 0; left = left.filter((id) => !watching.hasFinished(id))) {
    lastDueAt = Math.max(lastDueAt, ...left.map(watching.nextAttemptAt));
    if (Date.now() > lastDueAt + SETTLE_MS) return;
    await pause(250);
  }
}

type Seen = { kills: number; seed: number; offences: readonly string[]; log: () => { event: string }[] };

async function judge(client: Client, load: Load, hooks: Hooks, seen: Seen): Promise<ChaosReport> {
  const jobs = new Map<string, JobView>();
  const faults: Fault[] = [
    ...load.doubled.map((what): Fault => ({ sort: "doubled", what })),
    ...seen.offences.map((what): Fault => ({ sort: "wrong", what })),
  ];
  for (const accepted of load.accepted.values()) {
    const job = await client.read(accepted.id);
    faults.push(...faultsOfJob(accepted, job, await client.events(accepted.id)));
    if (job) jobs.set(job.id, job);
  }
  const known = [...load.accepted.values()].flatMap(({ id, plan }) => {
    const job = jobs.get(id);
    return job ? [{ plan, job }] : [];
  });
  faults.push(...(await deliveryFaults(load, jobs, hooks)));
  faults.push(...faultsOfPlaces(known));
  faults.push(...(await listingFaults(client, jobs)));
  faults.push(...(await faultsOfData(client, known, ROWS)));
  return reportOf(load, [...jobs.values()], hooks, seen, faults);
}

async function deliveryFaults(
  load: Load,
  jobs: ReadonlyMap<string, JobView>,
  hooks: Hooks,
): Promise<Fault[]> {
  const look = () =>
    [...load.accepted.values()].flatMap((accepted) => {
      const job = jobs.get(accepted.id);
      return job ? faultsOfWebhook(accepted, job, hooks) : [];
    });
  for (const overAt = Date.now() + SETTLE_MS; look().length > 0 && Date.now() < overAt; ) await pause(500);
  return look();
}

/** What is still wrong when the listing has had its time; announcements may have died with the service. */
async function listingFaults(client: Client, jobs: ReadonlyMap<string, JobView>): Promise<Fault[]> {
  for (const overAt = Date.now() + LISTED_MS; ; await pause(2_000)) {
    const faults = faultsOfListing(jobs, await client.list());
    if (faults.length === 0 || Date.now() > overAt) return faults;
  }
}

function reportOf(load: Load, jobs: JobView[], hooks: Hooks, seen: Seen, faults: Fault[]): ChaosReport {
  const attempts = jobs.flatMap((job) => job.attempts);
  const told = jobs.flatMap(({ id, status }) => [...hooks.idsOf(id, `job.${status}`).values()]);
  const sorted = (sort: Fault["sort"]) =>
    faults.filter((fault) => fault.sort === sort).map(({ what }) => what);
  const events = seen.log().map(({ event }) => event);
  return {
    seed: seen.seed,
    kills: seen.kills,
    accepted: load.accepted.size,
    outcomes: countBy(
      jobs.map(({ status, status_reason }) => [status, status_reason].filter(Boolean).join(", ")),
    ),
    attempts: attempts.length,
    lostAttempts: attempts.filter(({ status }) => status === "lost").length,
    exhaustedByCrashes: jobs.filter((job) => job.type !== "test.simulate" && isExhaustedByCrashes(job))
      .length,
    conflicts: load.conflicts,
    repairs: countBy(events.filter((event) => REPAIRS.includes(event))),
    webhooks: told.length,
    repeatedWebhooks: told.filter((times) => times > 1).length,
    lost: sorted("lost"),
    doubled: sorted("doubled"),
    wrong: sorted("wrong"),
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
