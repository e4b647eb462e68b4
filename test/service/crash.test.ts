/**
 * The promise of the service, under kill -9: whatever was accepted ends, once, as it should. Three times, at
 * random moments, the whole runtime is killed amid 200 jobs and started again on what it had stored.
 * CRASH_SEED repeats a run as far as chance goes; the machine's own timing is never the same.
 */

import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Client, isFinished, type Job, openClient } from "./client.ts";
import { chanceFrom, makePlans, type Plan } from "./crash-plan.ts";
import { type Restartable, startRestartable } from "./service.ts";

const JOBS = 200;
const CRASHES = 3;
const POSTERS = 8;
const READERS = 4;
/** Between two reads of a reader; all of them stay well below what a key may ask in a minute. */
const READ_MS = 40;

/** From the last crash to the end of the last job: a lease, four back-offs and some repeated messages. */
const SETTLE_MS = 60_000;

const seed = Number(process.env.CRASH_SEED ?? randomInt(2 ** 31));
const chance = chanceFrom(seed);

let service: Restartable;
let client: Client;
beforeAll(async () => {
  service = await startRestartable({ leaseMs: 4_000, redeliverMs: 2_000 });
  client = openClient(service.url, service.keys.acme.full);
});
afterAll(() => service.discard());

type Accepted = { id: string; plan: Plan };

/** Asks again until there is an answer: a broken connection says nothing about what was done. */
function insist<T>(ask: () => Promise<T>): Promise<T> {
  return vi.waitFor(ask, { interval: 100, timeout: 30_000 });
}

/** Posts all plans, some at a time, and cancels those to be cancelled; repeats with the same key what broke. */
async function submitAll(plans: Plan[], accepted: Accepted[]): Promise<void> {
  const waiting = [...plans];
  const cancelling: Promise<void>[] = [];
  const post = async () => {
    for (let plan = waiting.shift(); plan; plan = waiting.shift()) {
      const { request } = plan;
      const key = randomUUID();
      const id = await insist(() => client.submit(request, { "Idempotency-Key": key }));
      accepted.push({ id, plan });
      if (plan.cancelAfterMs !== null) cancelling.push(cancelAfter(id, plan.cancelAfterMs));
      await pause(chance(0, 400));
    }
  };
  await Promise.all(Array.from({ length: POSTERS }, post));
  await Promise.all(cancelling);
}

async function cancelAfter(id: string, ms: number): Promise<void> {
  await pause(ms);
  await insist(async () => expect((await client.cancel(id)).status).toBe(200));
}

/** Kills and restarts the runtime, each time some moments after it has come up. */
async function crashAgainAndAgain(): Promise<void> {
  for (let crashes = 0; crashes < CRASHES; crashes += 1) {
    await pause(chance(500, 3_500));
    await service.kill();
    await service.restart();
  }
}

/** Reads jobs over and over, and keeps the first final state it saw of each; what moved on after it, it names. */
function watch(accepted: Accepted[]) {
  const finals = new Map<string, Job>();
  const changed: string[] = [];
  const stopped = new AbortController();

  async function look({ id }: Accepted): Promise<void> {
    const job = await insist(() => client.read(id));
    const final = finals.get(id);
    if (final && (final.status !== job.status || final.finished_at !== job.finished_at)) changed.push(id);
    if (!final && isFinished(job)) finals.set(id, job);
  }

  async function readOn(reader: number): Promise<void> {
    for (let at = reader; !stopped.signal.aborted; at += READERS) {
      const next = accepted[at % Math.max(accepted.length, 1)];
      if (next) await look(next);
      await pause(READ_MS);
    }
  }

  const reading = Promise.all(Array.from({ length: READERS }, (_, reader) => readOn(reader)));
  return {
    finals,
    changed,
    async stop(): Promise<void> {
      stopped.abort();
      await reading;
    },
  };
}

/** What is wrong with how a job ended; nothing if it ended once, as demanded, and tells so. */
async function faultsOf({ id, plan }: Accepted): Promise<string[]> {
  const job = await client.read(id);
  const events = await client.events(id);
  const { status, status_reason, result } = plan.demanded;
  const finals = events.filter(({ type }) => /^job\.(succeeded|failed|cancelled)$/.test(type));
  const started = events.filter(({ type }) => type === "job.started");
  const claims: [boolean, string][] = [
    [job.status === status && job.status_reason === status_reason, "is not in the demanded state"],
    [result === undefined || job.result === result, "has another result"],
    [finals.length === 1 && finals[0] === events.at(-1), "does not have one final event, at the end"],
    [finals[0]?.type === `job.${status}`, "has the wrong final event"],
    [events.every(({ seq }, index) => seq === index + 1), "has gaps in its events"],
    [job.attempt <= job.max_attempts, "had too many attempts"],
    [job.attempts.every(({ number }, index) => number === index + 1), "miscounts its attempts"],
    [started.length === job.attempt, "does not tell every attempt"],
    [job.attempts.every(({ finished_at }) => finished_at !== null), "has an attempt that never ended"],
  ];
  const summary = `${plan.kind} ${id}: ${job.status} ${job.status_reason}, ${job.attempt} attempts`;
  return claims.filter(([isTrue]) => !isTrue).map(([, fault]) => `${summary}: ${fault}`);
}

test(`of ${JOBS} accepted jobs none is lost and none ends twice, though the runtime dies ${CRASHES} times`, async () => {
  console.log(`CRASH_SEED=${seed}`);
  const plans = makePlans(JOBS, chance);
  const accepted: Accepted[] = [];
  const watching = watch(accepted);
  await Promise.all([submitAll(plans, accepted), crashAgainAndAgain()]);
  const unfinished = () =>
    accepted.filter(({ id }) => !watching.finals.has(id)).map(({ id, plan }) => `${plan.kind} ${id}`);
  await vi
    .waitFor(() => expect(unfinished()).toEqual([]), { timeout: SETTLE_MS, interval: 250 })
    .finally(() => watching.stop());

  expect(new Set(accepted.map(({ id }) => id)).size).toBe(JOBS);
  expect(watching.changed).toEqual([]);
  const faults = [];
  for (const job of accepted) faults.push(...(await faultsOf(job)));
  expect(faults).toEqual([]);

  const lost = [...watching.finals.values()].flatMap(({ attempts }) =>
    attempts.filter(({ status }) => status === "lost"),
  );
  expect(lost.length).toBeGreaterThan(0);
  console.log(`${JOBS} jobs ended as they should; ${lost.length} attempts were lost on the way.`);
});
