/** Index entries of invented, finished jobs of a few kinds. */

import { acceptJob } from "../../src/core/dispatch.ts";
import type { Command, Job, Submission } from "../../src/core/job.ts";
import { defaultBackoff } from "../../src/core/retry.ts";
import { transition } from "../../src/core/transition.ts";
import { toIndexEntry } from "../../src/objects/job/index-publisher.ts";
import type { IndexEntry } from "../../src/rpc/index-entry.ts";

export const TENANT = "acme";

/** How long ago the first job was made, in milliseconds. */
export const MADE_MS_AGO = 3_600_000;

const MINUTE_MS = 60_000;

/** Three jobs are made in each such time, so that some share a millisecond. */
const EVERY_MS = 2;
const TOGETHER = 3;

const types = ["csv.import", "test.simulate", "report.export"];

/** Of 20 jobs one fails, one is cancelled, the others succeed. */
const FAILED = 3;
const CANCELLED = 7;
const OF = 20;

/** One in ten jobs is a customer's; one in a thousand is marked, and spread over all customers. */
const CUSTOMERS = 10;
const MARKED = 1_009;

/** When the job of this number was made, epoch milliseconds. */
export function madeAt(number: number, startAt: number): number {
  return startAt + Math.floor(number / TOGETHER) * EVERY_MS;
}

/** The job of this number, when the first was made at `startAt`, epoch milliseconds. */
export async function entryNumber(number: number, startAt: number): Promise<IndexEntry> {
  const at = madeAt(number, startAt);
  let job = acceptJob(submissionOf(number), `job_${String(number).padStart(47, "0")}`, at).job;
  for (const command of livesOf(number)) job = transition(job, command, at + 1, 0).job;
  return toIndexEntry(job);
}

function livesOf(number: number): Command[] {
  const report = { progress: null, logs: [] };
  const start: Command = { type: "start", attempt: 1, continuation: 0, lease: "lease" };
  const failure = {
    kind: "invalid_input",
    code: "bad_row",
    message: "A row is bad.",
    retryAfterMs: null,
  } as const;
  switch (number % OF) {
    case FAILED:
      return [start, { type: "fail", lease: "lease", report, failure: { ...failure, reference: "ref_1" } }];
    case CANCELLED:
      return [{ type: "cancel", reason: "not needed", ifVersion: null }];
    default:
      return [start, { type: "succeed", lease: "lease", report, result: `{"rows":${number}}` }];
  }
}

function submissionOf(number: number): Submission {
  const policy: Job["policy"] = {
    maxAttempts: 3,
    attemptTimeoutMs: 5 * MINUTE_MS,
    heartbeatTimeoutMs: null,
    totalTimeoutMs: 60 * MINUTE_MS,
    leaseMs: MINUTE_MS,
    dispatchTimeoutMs: MINUTE_MS,
    index: { period: "month", shards: 1 },
    backoff: defaultBackoff,
    retryKinds: [],
    retentionMs: 30 * 24 * 60 * MINUTE_MS,
  };
  return {
    tenant: TENANT,
    type: types[number % types.length] ?? "test.simulate",
    input: "{}",
    metadata: {
      customer: `c${number % CUSTOMERS}`,
      ...(number % MARKED === 0 && { marked: "yes" }),
    },
    fingerprint: null,
    uniqueKeys: [],
    replayedFrom: null,
    webhook: null,
    trace: {
      requestId: "urn:uuid:00000000-0000-4000-8000-000000000000",
      keyId: "key",
      traceparent: "",
      tracestate: null,
    },
    policy,
    runAt: null,
    startTimeoutMs: null,
    queue: null,
    isRemote: false,
  };
}
