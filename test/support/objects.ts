/** Job objects for tests: submissions, stubs, and a stopped clock that only the test moves. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Policy, Submission } from "../../src/core/job.ts";
import { defaultBackoff } from "../../src/core/retry.ts";
import { DAY } from "../../src/core/time.ts";
import { objectIdOf } from "../../src/lib/id.ts";
import {
  type JobApi,
  jobObject,
  type OnConflict,
  type SubmitAnswer,
  submissionObject,
} from "../../src/rpc/job.ts";

/** Messages of this tenant are kept for the test instead of being run, see parked.ts. */
export const TENANT = "parked";

export const policy: Policy = {
  maxAttempts: 3,
  attemptTimeoutMs: 300_000,
  heartbeatTimeoutMs: null,
  totalTimeoutMs: DAY,
  leaseMs: 30_000,
  dispatchTimeoutMs: 30_000,
  backoff: defaultBackoff,
  retryKinds: ["timeout", "rate_limited", "service_unavailable", "worker_lost"],
  retentionMs: 30 * DAY,
  index: { period: "month", shards: 1 },
};

export const nothing = { progress: null, logs: [] };

export function submission(changes: Partial<Submission> = {}): Submission {
  return {
    tenant: TENANT,
    type: "test.simulate",
    input: "{}",
    metadata: {},
    fingerprint: null,
    uniqueKeys: [],
    replayedFrom: null,
    webhook: null,
    trace: {
      requestId: "request-test",
      keyId: "key-test",
      traceparent: `00-${"1".repeat(32)}-${"1".repeat(16)}-01`,
      tracestate: null,
    },
    policy,
    runAt: null,
    startTimeoutMs: null,
    queue: null,
    isRemote: false,
    ...changes,
  };
}

export type Held = { id: string; tenant: string; api: () => JobApi; stub: DurableObjectStub };

/** A job just accepted. */
export async function submitted(changes: Partial<Submission> = {}): Promise<Held> {
  const asked = submission(changes);
  const answer = await submitTo(newObject(), asked);
  if (answer.kind !== "accepted") throw new Error(`not accepted: ${answer.kind}`);
  return hold(answer.job.id, asked.tenant);
}

/** The name of an object that has no job yet. */
export function newObject(): string {
  return crypto.randomUUID();
}

/** Submits to the object of this name, as requests with one key do. */
export function submitTo(
  name: string,
  asked: Submission,
  onConflict: OnConflict = "use_existing",
): Promise<SubmitAnswer> {
  return submissionObject(env, asked.tenant, name).submit(asked, onConflict);
}

/** The stub of the object that requests with one key reach. */
export function stubOf(name: string, tenant = TENANT): DurableObjectStub {
  return env.JOBS.get(env.JOBS.idFromName(`${tenant}/${name}`)) as unknown as DurableObjectStub;
}

export function hold(id: string, tenant = TENANT): Held {
  const stub = env.JOBS.get(env.JOBS.idFromString(objectIdOf(id) ?? "")) as unknown as DurableObjectStub;
  return { id, tenant, stub, api: () => jobObject(env, tenant, id) };
}

/** From here on the clock stands still, also inside objects. Call `vi.useRealTimers()` afterwards. */
export function stopClock(): void {
  vi.useFakeTimers({ toFake: ["Date"] });
}

/** Moves the stopped clock. */
export function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

/** When the object's alarm will fire; null if it has none. */
export function alarmOf({ stub }: Pick<Held, "stub">): Promise<number | null> {
  return runInDurableObject(stub, (_, state) => state.storage.getAlarm());
}

/** Moves the clock to the alarm and fires it. Returns how long that was, in milliseconds. */
export async function ringNext(held: Held): Promise<number> {
  const at = await alarmOf(held);
  if (at === null) throw new Error("there is no alarm to ring");
  const waitMs = Math.max(0, at - Date.now());
  pass(waitMs);
  await runDurableObjectAlarm(held.stub);
  return waitMs;
}

/** The job as its client sees it. Throws if there is none. */
export async function read(held: Held) {
  const found = await held.api().read();
  if (!found) throw new Error("there is no such job");
  return found.job;
}
