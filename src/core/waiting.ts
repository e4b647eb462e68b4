/**
 * A job that waits for a worker: how it begins, when its message goes out, and for what attempt.
 * It makes the first status and changes none; the job leaves its waiting only in transition.ts.
 */

import { assert } from "./assert.ts";
import { withDeliveries } from "./delivery.ts";
import { ATTEMPTS_MAX, type Decision, type Effect, type Job, type Submission, type Wait } from "./job.ts";
import { redeliverMs } from "./retry.ts";
import { answered, type Step, step, visibly } from "./step.ts";

/** Makes the job a submission asks for, queued from its first moment. */
export function accept(submission: Submission, now: number): Decision {
  const { runAt, startWithinMs, ...asked } = submission;
  const { maxAttempts, leaseMs, redeliverMs: firstMs, attemptLimitMs, timeLimitMs } = submission.policy;
  assert(maxAttempts >= 1 && maxAttempts <= ATTEMPTS_MAX, "a job has 1 to 25 attempts");
  assert(Math.min(leaseMs, firstMs, attemptLimitMs, timeLimitMs) > 0, "every limit lies ahead");
  const dueAt = Math.max(runAt ?? now, now);
  const { wait, effects } = waitUntil(dueAt, now, submission.policy, 1, 1);
  const job: Job = {
    ...asked,
    createdAt: now,
    updatedAt: now,
    dueAt,
    startBy: startWithinMs === null ? null : dueAt + Math.max(1, startWithinMs),
    version: 1,
    attempts: [],
    slice: 0,
    progress: null,
    checkpoint: null,
    result: null,
    deliveries: [],
    logLines: 0,
    linesHeard: 0,
    lastSeq: 0,
    isProgressTold: true,
    progressToldAt: 0,
    phase: { status: "queued", wait },
  };
  const queued = { type: "job.queued", dueAt: dueAt > now ? dueAt : null } as const;
  return withDeliveries(answered({ ok: true }, step(job, now, [queued], effects)), now);
}

/** Waiting until `dueAt`; if that is now, the message goes out with this very change. */
export function waitUntil(
  dueAt: number,
  now: number,
  policy: Job["policy"],
  attempt: number,
  slice: number,
): { wait: Wait; effects: Effect[] } {
  if (dueAt > now) return { wait: { dueAt, sends: 0, nextSendAt: dueAt }, effects: [] };
  const nextSendAt = now + redeliverMs(policy.redeliverMs, 1);
  return { wait: { dueAt, sends: 1, nextSendAt }, effects: [{ type: "send", attempt, slice }] };
}

/** Due, or unclaimed for too long: the message goes out (again). */
export function sendAgain(job: Job, now: number): Step {
  const { phase } = job;
  assert("wait" in phase, "only a waiting job sends");
  const sends = phase.wait.sends + 1;
  const nextSendAt = now + redeliverMs(job.policy.redeliverMs, sends);
  const change = { phase: { ...phase, wait: { ...phase.wait, sends, nextSendAt } } };
  const becameDue = phase.status === "queued" && sends === 1;
  const sent = becameDue ? visibly(job, change, now) : { ...job, ...change };
  return step(sent, now, [], [{ type: "send", ...expected(job) }]);
}

/** The attempt and slice the next message is for. */
export function expected(job: Job): { attempt: number; slice: number } {
  const begun = job.attempts.length;
  const { phase } = job;
  const continuing = phase.status === "running" && phase.activity === "continuing";
  return continuing ? { attempt: begun, slice: job.slice + 1 } : { attempt: begun + 1, slice: 1 };
}
