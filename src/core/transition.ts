/**
 * The only place where a job's status changes. Pure: time and randomness are arguments, the result is a decision.
 * Rejections are values.
 */

import { unreachable } from "./assert.ts";
import { bumpVersion, type Change, concat, createChange, decide, noChange } from "./change.ts";
import { dispatchDeliveries, recordDelivery, restartDelivery, withDeliveries } from "./deliveries.ts";
import { nextRun, redispatch, scheduleRun, withoutDispatch, withQueue } from "./dispatch.ts";
import { totalTimeoutAt } from "./facts.ts";
import {
  createAttemptFailedEvent,
  createSystemFailure,
  endAttempt,
  toAttemptError,
  toFailure,
  toJobError,
} from "./failure.ts";
import { type HeldReport, storeHeldReport } from "./held-report.ts";
import {
  type Attempt,
  type AttemptStatus,
  type CancelReason,
  type Command,
  type Decision,
  type EndCommand,
  type Executing,
  type FailReason,
  type Failure,
  isFinished,
  type Job,
} from "./job.ts";
import { acknowledgeCancel, recordReport, reject, shortenLease, withEndedRun, withLease } from "./lease.ts";
import { applyReport } from "./progress.ts";
import { backoffMs } from "./retry.ts";
import { type DeadlineKind, isAfterTimeouts, nextDeadline } from "./timeouts.ts";

/** Continuations begin at least this far apart, so that a handler that returns at once does not spin. */
const CONTINUATION_INTERVAL_MIN_MS = 1_000;

/**
 * Applies one command to a job at time `now` (epoch milliseconds); `random` in [0, 1) spreads retries. Deadlines
 * that have passed are applied first, except before an outcome of the lease owner or a cancellation, because
 * finished work counts. One command raises the version by at most one. What the attempt's socket holds counts as said
 * before; it is stored with the next change, or when it disproves a deadline that has passed.
 */
export function transition(
  job: Job,
  command: Command,
  now: number,
  random: number,
  held: HeldReport | null = null,
): Decision {
  const applied = withQueue(job, applyAfterHeld(job, command, now, random, held));
  const decision = withDeliveries(applied, now);
  const hasNews = decision.job.version > job.version;
  return hasNews
    ? { ...decision, job: { ...decision.job, version: job.version + 1, updatedAt: now } }
    : decision;
}

function applyAfterHeld(
  job: Job,
  command: Command,
  now: number,
  random: number,
  held: HeldReport | null,
): Decision {
  if (!held) return applyCommand(job, command, now, random);
  const known = storeHeldReport(job, held, command);
  const { answer, ...change } = applyCommand(known.job, command, now, random);
  const isDisproved = nextDeadline(job).at <= now && nextDeadline(known.job).at > now;
  const isStored = change.job !== known.job || isDisproved;
  return decide(answer, isStored ? concat(known, change) : noChange(job));
}

/** Applies due timeouts first, once, for the commands that must not outrun them. */
function applyCommand(job: Job, command: Command, now: number, random: number): Decision {
  if (!isAfterTimeouts(command) || isFinished(job)) return decideCommand(job, command, now, random);
  const due = applyDueTimeouts(job, now, random);
  const { answer, ...change } = decideCommand(due.job, command, now, random);
  const isClaimed = command.type === "start" && answer.ok;
  return decide(answer, concat(isClaimed ? withoutDispatch(due) : due, change));
}

function decideCommand(job: Job, command: Command, now: number, random: number): Decision {
  switch (command.type) {
    case "start":
      return startRun(job, command, now);
    case "report":
    case "save_checkpoint":
    case "hold_files":
      return withLease(job, command, now, recordReport);
    case "succeed":
    case "fail":
    case "continue":
    case "release":
      return endRun(job, command, now, random);
    case "cancel":
      return requestCancel(job, command, now);
    case "acknowledge":
      return acknowledgeCancel(job, command.lease, now);
    case "shorten_lease":
      return withLease(job, command, now, shortenLease);
    case "record_delivery":
      return recordDelivery(job, command.deliveryId, command.attempt, command.outcome, now, random);
    case "redeliver":
      return restartDelivery(job, command.deliveryId, now);
    case "wake":
      return decide({ ok: true }, applyDueTimeouts(job, now, random));
    default:
      return unreachable(command);
  }
}

/** Acts on every deadline that has passed; afterwards the next one lies ahead. */
function applyDueTimeouts(job: Job, now: number, random: number): Change {
  let current = noChange(job);
  for (let due = nextDeadline(job); due.at <= now; due = nextDeadline(current.job)) {
    current = concat(current, applyDeadline(current.job, due.kind, now, random));
    if (due.kind === "purge") break;
  }
  return current;
}

function applyDeadline(job: Job, kind: DeadlineKind, now: number, random: number): Change {
  switch (kind) {
    case "purge":
      return createChange(job, now, [], [{ type: "purge" }]);
    case "dispatch":
      return redispatch(job, now);
    case "dispatch_delivery":
      return dispatchDeliveries(job, now);
    case "start_timeout":
      return cancelJob(job, now, "start_timeout", null);
    case "total_timeout":
      return job.phase.status === "queued"
        ? cancelJob(job, now, "start_timeout", null)
        : failOnTotalTimeout(job, now);
    case "lease":
      return failAttempt(job, "lost", createSystemFailure(job, "worker_lost"), now, random);
    case "attempt_timeout":
    case "heartbeat_timeout":
      return failAttempt(job, "timed_out", createSystemFailure(job, "timeout"), now, random);
    default:
      return unreachable(kind);
  }
}

function startRun(job: Job, command: Extract<Command, { type: "start" }>, now: number): Decision {
  const { phase } = job;
  if ("lease" in phase && phase.lease === command.lease) return decide({ ok: true }, noChange(job));
  const { attempt, continuation } = nextRun(job);
  const isDispatched = "wait" in phase && phase.wait.dispatches > 0;
  if (!isDispatched || command.attempt !== attempt || command.continuation !== continuation)
    return reject(job, "not_waiting");
  const executing: Executing = {
    status: "running",
    activity: "executing",
    lease: command.lease,
    leaseEndsAt: now + job.policy.leaseMs,
    runStartedAt: now,
    lastHeartbeatAt: now,
  };
  const run = { phase: executing, continuation, lastLogNumber: 0 };
  return decide(
    { ok: true },
    continuation > 0
      ? createChange(bumpVersion(job, run, now), now, [])
      : beginAttempt(job, run, { number: attempt, worker: command.worker ?? null }, now),
  );
}

function beginAttempt(
  job: Job,
  run: Partial<Job>,
  { number, worker }: Pick<Attempt, "number" | "worker">,
  now: number,
): Change {
  const begun: Attempt = { number, status: "running", worker, startedAt: now, finishedAt: null, error: null };
  const change = { ...run, attempts: [...job.attempts, begun], progress: null };
  return createChange(bumpVersion(job, change, now), now, [{ type: "job.started", attempt: number, worker }]);
}

/** Ends a run. What ended it before may be said again; a remote worker gets the same answer. */
function endRun(job: Job, command: EndCommand, now: number, random: number): Decision {
  if (job.endedRun?.lease === command.lease && job.endedRun.type === command.type)
    return decide({ ok: true }, noChange(job));
  const decision = withLease(job, command, now, (held, phase) =>
    finishRun(held, phase, command, now, random),
  );
  if (!decision.answer.ok || !job.isRemote) return decision;
  return { ...decision, job: withEndedRun(decision.job, command) };
}

function finishRun(job: Job, phase: Executing, command: EndCommand, now: number, random: number): Change {
  if (command.type === "release")
    return continueAttempt(job, phase, { checkpoint: job.checkpoint, delayMs: 0 }, now);
  const reported = applyReport(job, command.report, now);
  switch (command.type) {
    case "succeed":
      return concat(reported, succeedJob(reported.job, command.result, now));
    case "fail":
      return concat(reported, failAttempt(reported.job, "failed", command.failure, now, random));
    case "continue":
      return concat(reported, continueAttempt(reported.job, phase, command, now));
    default:
      return unreachable(command);
  }
}

function succeedJob(job: Job, result: string | null, now: number): Change {
  const attempts = endAttempt(job, { status: "succeeded", finishedAt: now });
  const change: Partial<Job> = {
    attempts,
    result,
    checkpoint: null,
    phase: { status: "succeeded", finishedAt: now },
  };
  return createChange(bumpVersion(job, change, now), now, [
    { type: "job.succeeded", attempt: attempts.length },
  ]);
}

/** The run is over and the attempt continues: at once, unless continuations follow too quickly. */
function continueAttempt(
  job: Job,
  phase: Executing,
  { checkpoint, delayMs = null }: { checkpoint: string | null; delayMs?: number | null },
  now: number,
): Change {
  if (now >= totalTimeoutAt(job)) return failOnTotalTimeout(job, now);
  const attempt = job.attempts.length;
  const continuation = job.continuation + 1;
  const isDelayed = delayMs !== null && delayMs > 0;
  const dueAt = Math.max(now + (delayMs ?? 0), phase.runStartedAt + CONTINUATION_INTERVAL_MIN_MS);
  const { wait, effects } = scheduleRun(dueAt, now, job.policy, attempt, continuation);
  const waiting = { status: "running", activity: "continuing", wait, isDelayed } as const;
  return createChange(
    bumpVersion(job, { checkpoint, phase: waiting }, now),
    now,
    [{ type: "job.continued", attempt, continuation, nextAttemptAt: isDelayed ? dueAt : null }],
    effects,
  );
}

/** An attempt failed; whether the job did depends on the kind, the attempts left and the time left. */
function failAttempt(job: Job, status: AttemptStatus, failure: Failure, now: number, random: number): Change {
  const { policy } = job;
  const attempt = job.attempts.length;
  const isTemporary = policy.retryKinds.includes(failure.kind);
  if (!isTemporary) return failJob(job, status, failure, "permanent_failure", now);
  if (attempt >= policy.maxAttempts) return failJob(job, status, failure, "attempts_exhausted", now);
  const dueAt = now + backoffMs(policy.backoff, attempt, failure.retryAfterMs, random);
  if (dueAt >= totalTimeoutAt(job)) return failJob(job, status, failure, "total_timeout", now);
  const { wait, effects } = scheduleRun(dueAt, now, policy, attempt + 1, 0);
  const attempts = endAttempt(job, { status, finishedAt: now, error: toAttemptError(failure) });
  const phase = { status: "running", activity: "waiting_to_retry", wait } as const;
  const failed = createAttemptFailedEvent(job, status, failure, dueAt);
  return createChange(bumpVersion(job, { attempts, phase }, now), now, [failed], effects);
}

/** The total timeout ends a running job. Between two attempts, the error of the last one is more useful. */
function failOnTotalTimeout(job: Job, now: number): Change {
  const error = job.attempts.at(-1)?.error;
  const failure = error ? toFailure(error) : createSystemFailure(job, "timeout");
  return failJob(job, "timed_out", failure, "total_timeout", now);
}

function failJob(job: Job, status: AttemptStatus, failure: Failure, reason: FailReason, now: number): Change {
  const error = toJobError(failure);
  const isAttemptOpen = job.attempts.at(-1)?.finishedAt === null;
  const attempts = isAttemptOpen
    ? endAttempt(job, { status, finishedAt: now, error: toAttemptError(failure) })
    : job.attempts;
  const phase = { status: "failed", finishedAt: now, reason, error } as const;
  return createChange(bumpVersion(job, { attempts, phase, checkpoint: null }, now), now, [
    ...(isAttemptOpen ? [createAttemptFailedEvent(job, status, failure, null)] : []),
    { type: "job.failed", reason, error },
  ]);
}

function requestCancel(job: Job, command: Extract<Command, { type: "cancel" }>, now: number): Decision {
  const { status } = job.phase;
  if (status === "succeeded" || status === "failed") return reject(job, "not_cancellable");
  if (command.ifVersion && !command.ifVersion.includes(job.version)) return reject(job, "version_mismatch");
  if (status === "cancelled") return decide({ ok: true }, noChange(job));
  return decide({ ok: true }, cancelJob(job, now, "requested", command.reason));
}

function cancelJob(job: Job, now: number, reason: CancelReason, message: string | null): Change {
  const { phase } = job;
  const stopping = phase.status === "running" && phase.activity === "executing" ? phase.lease : null;
  const isAttemptOpen = job.attempts.at(-1)?.finishedAt === null;
  const by = reason === "requested" ? "client" : "system";
  const acknowledgedAt = stopping === null ? now : null;
  const change: Partial<Job> = {
    attempts: isAttemptOpen ? endAttempt(job, { status: "cancelled", finishedAt: now }) : job.attempts,
    checkpoint: null,
    phase: {
      status: "cancelled",
      finishedAt: now,
      reason,
      cancellation: { requestedAt: now, reason: message, by, acknowledgedAt, stopping },
    },
  };
  return createChange(bumpVersion(job, change, now), now, [{ type: "job.cancelled", reason, by, message }]);
}
