/**
 * A job that waits for a worker: how it begins, when its message goes out, and for what attempt.
 * It makes the first status and changes none; the job leaves its waiting only in transition.ts.
 */

import { assert } from "./assert.ts";
import { bumpVersion, type Change, createChange, decide } from "./change.ts";
import { withDeliveries } from "./deliveries.ts";
import { isInQueue } from "./facts.ts";
import { ATTEMPTS_MAX, type Decision, type Effect, type Job, type Submission, type Wait } from "./job.ts";
import { dispatchDelayMs } from "./retry.ts";

/** Makes the queued job of a submission. `isGranted` says that its queue has given it a slot. */
export function acceptJob(submission: Submission, id: string, now: number, isGranted = false): Decision {
  const { runAt, startTimeoutMs, ...asked } = submission;
  const {
    maxAttempts,
    leaseMs,
    dispatchTimeoutMs: firstMs,
    attemptTimeoutMs,
    totalTimeoutMs,
  } = submission.policy;
  assert(maxAttempts >= 1 && maxAttempts <= ATTEMPTS_MAX, "a job has 1 to 25 attempts");
  assert(Math.min(leaseMs, firstMs, attemptTimeoutMs, totalTimeoutMs) > 0, "every limit lies ahead");
  const dueAt = Math.max(runAt ?? now, now);
  const { wait, effects } = scheduleRun(dueAt, now, submission.policy, 1, 0);
  const job: Job = {
    ...asked,
    id,
    createdAt: now,
    updatedAt: now,
    dueAt,
    startTimeoutAt: startTimeoutMs === null ? null : dueAt + Math.max(1, startTimeoutMs),
    version: 1,
    attempts: [],
    continuation: 0,
    progress: null,
    checkpoint: null,
    result: null,
    deliveries: [],
    logLines: 0,
    lastLogNumber: 0,
    lastSeq: 0,
    endedRun: null,
    holdsFiles: false,
    phase: { status: "queued", wait: isGranted ? { ...wait, isGranted } : wait },
  };
  const queued = { type: "job.queued", dueAt: dueAt > now ? dueAt : null } as const;
  return withDeliveries(decide({ ok: true }, createChange(job, now, [queued], effects)), now);
}

/** Waiting until `dueAt`; if that is now, the message goes out with this very change. */
export function scheduleRun(
  dueAt: number,
  now: number,
  policy: Job["policy"],
  attempt: number,
  continuation: number,
): { wait: Wait; effects: Effect[] } {
  if (dueAt > now) return { wait: { dueAt, dispatches: 0, nextDispatchAt: dueAt }, effects: [] };
  const nextDispatchAt = now + dispatchDelayMs(policy.dispatchTimeoutMs, 1);
  return {
    wait: { dueAt, dispatches: 1, nextDispatchAt },
    effects: [{ type: "dispatch", attempt, continuation }],
  };
}

/** Due, or unclaimed for too long: the message goes out (again). */
export function redispatch(job: Job, now: number): Change {
  const { phase } = job;
  assert("wait" in phase, "only a waiting job sends");
  const dispatches = phase.wait.dispatches + 1;
  const nextDispatchAt = now + dispatchDelayMs(job.policy.dispatchTimeoutMs, dispatches);
  const change = { phase: { ...phase, wait: { ...phase.wait, dispatches, nextDispatchAt } } };
  const becameDue = phase.status === "queued" && dispatches === 1;
  const sent = becameDue ? bumpVersion(job, change, now) : { ...job, ...change };
  return createChange(sent, now, [], [{ type: "dispatch", ...nextRun(job) }]);
}

/** The attempt and continuation of the next message. */
export function nextRun(job: Job): { attempt: number; continuation: number } {
  const begun = job.attempts.length;
  const { phase } = job;
  const continuing = phase.status === "running" && phase.activity === "continuing";
  return continuing
    ? { attempt: begun, continuation: job.continuation + 1 }
    : { attempt: begun + 1, continuation: 0 };
}

/** A job that is no longer in its queue leaves it. */
export function withQueue(before: Job, decision: Decision): Decision {
  if (!isInQueue(before) || isInQueue(decision.job)) return decision;
  const attempt = "wait" in before.phase ? nextRun(before).attempt : before.attempts.length;
  const leave = { type: "leave_queue", attempt } as const;
  return { ...decision, effects: [...decision.effects, leave] };
}

/** What has just been claimed needs no message any more. */
export function withoutDispatch(change: Change): Change {
  return { ...change, effects: change.effects.filter(({ type }) => type !== "dispatch") };
}
