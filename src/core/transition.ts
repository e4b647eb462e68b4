/**
 * The one place where a job's status changes. Pure: the time and the chance come in, a decision goes out.
 * It decides; it stores nothing, sends nothing and never refuses by throwing.
 */

import { unreachable } from "./assert.ts";
import { delivered, redelivered, sendDeliveries, withDeliveries } from "./delivery.ts";
import { attemptFailedEvent, endAttempt, inPublic, referenceOf, systemFailure } from "./failure.ts";
import {
  type Attempt,
  type AttemptStatus,
  type CancelReason,
  type Command,
  type Decision,
  type Executing,
  type FailReason,
  type Failure,
  isFinished,
  type Job,
  timeLimitAt,
} from "./job.ts";
import { alongTheWay, holding, refused, suspect } from "./lease.ts";
import { absorb, lastWord } from "./report.ts";
import { backoffMs } from "./retry.ts";
import { answered, join, type Step, step, unchanged, visibly } from "./step.ts";
import { expected, sendAgain, waitUntil } from "./waiting.ts";
import { type DeadlineKind, nextDeadline } from "./wakeup.ts";

/** Slices begin at least this far apart: a handler that returns at once must not spin. */
const SLICE_MS_MIN = 1_000;

/**
 * Applies one command to a job at time `now` (epoch milliseconds); `random` in [0, 1) spreads retries.
 * Deadlines that have passed unnoticed come first, except before an outcome of the lease holder or a
 * cancellation: those end the job's waiting anyway, and work that was done counts.
 * Whatever one command changes is one version further.
 */
export function transition(job: Job, command: Command, now: number, random: number): Decision {
  const decision = withDeliveries(decide(job, command, now, random), now);
  const hasNews = decision.job.version > job.version;
  return hasNews ? { ...decision, job: { ...decision.job, version: job.version + 1 } } : decision;
}

function decide(job: Job, command: Command, now: number, random: number): Decision {
  switch (command.type) {
    case "start":
      return withoutSend(afterDeadlines(job, now, random, (settled) => start(settled, command, now)));
    case "report":
    case "save_checkpoint":
      return afterDeadlines(job, now, random, (settled) => holding(settled, command, now, alongTheWay));
    case "succeed":
    case "fail":
    case "continue":
      return holding(job, command, now, (held, phase) => outcome(held, phase, command, now, random));
    case "cancel":
      return cancel(job, command, now);
    case "acknowledge":
      return acknowledge(job, command.lease, now);
    case "suspect":
      return holding(job, command, now, suspect);
    case "delivered":
      return delivered(job, command.deliveryId, command.attempt, command.outcome, now, random);
    case "redeliver":
      return redelivered(job, command.deliveryId, now);
    case "wake":
      return answered({ ok: true }, settle(job, now, random));
    default:
      return unreachable(command);
  }
}

/** Acts on every deadline that has passed; afterwards the next one lies ahead. */
function settle(job: Job, now: number, random: number): Step {
  let settled = unchanged(job);
  for (let due = nextDeadline(job); due.at <= now; due = nextDeadline(settled.job)) {
    settled = join(settled, onDeadline(settled.job, due.kind, now, random));
    if (due.kind === "purge") break;
  }
  return settled;
}

/** What has just been claimed needs no message any more. */
function withoutSend(decision: Decision): Decision {
  return decision.answer.ok
    ? { ...decision, effects: decision.effects.filter(({ type }) => type !== "send") }
    : decision;
}

function afterDeadlines(job: Job, now: number, random: number, next: (settled: Job) => Decision): Decision {
  const settled = isFinished(job) ? unchanged(job) : settle(job, now, random);
  const decision = next(settled.job);
  return answered(decision.answer, join(settled, decision));
}

/** The step a deadline asks for; what a running attempt had said last is told before it. */
function onDeadline(job: Job, kind: DeadlineKind, now: number, random: number): Step {
  if (kind === "purge") return step(job, now, [], [{ type: "purge" }]);
  if (kind === "send") return sendAgain(job, now);
  if (kind === "deliver") return sendDeliveries(job, now);
  const said = lastWord(job, now);
  return join(said, onLimit(said.job, kind, now, random));
}

function onLimit(
  job: Job,
  kind: Exclude<DeadlineKind, "send" | "deliver" | "purge">,
  now: number,
  random: number,
): Step {
  switch (kind) {
    case "start_by":
      return cancelled(job, now, "expired", null);
    case "time_limit":
      return job.phase.status === "queued" ? cancelled(job, now, "expired", null) : outOfTime(job, now);
    case "lease":
      return attemptFailed(job, "lost", systemFailure(job, "worker_lost"), now, random);
    case "attempt_limit":
    case "silence":
      return attemptFailed(job, "timed_out", systemFailure(job, "timeout"), now, random);
    default:
      return unreachable(kind);
  }
}

function start(job: Job, command: Extract<Command, { type: "start" }>, now: number): Decision {
  const { phase } = job;
  const isRepeated = "lease" in phase && phase.lease === command.lease;
  if (isRepeated) return answered({ ok: true }, unchanged(job));
  const { attempt, slice } = expected(job);
  const isAsked = "wait" in phase && phase.wait.sends > 0;
  if (!isAsked || command.attempt !== attempt || command.slice !== slice) return refused(job, "not_waiting");
  const executing: Executing = {
    status: "running",
    activity: "executing",
    lease: command.lease,
    leaseEndsAt: now + job.policy.leaseMs,
    sliceStartedAt: now,
    heardAt: now,
  };
  if (slice > 1) {
    return answered(
      { ok: true },
      step(visibly(job, { phase: executing, slice, linesHeard: 0 }, now), now, []),
    );
  }
  const begun: Attempt = {
    number: attempt,
    status: "running",
    startedAt: now,
    finishedAt: null,
    error: null,
  };
  const change = {
    phase: executing,
    slice,
    linesHeard: 0,
    attempts: [...job.attempts, begun],
    progress: null,
    isProgressTold: true,
    progressToldAt: 0,
  };
  return answered({ ok: true }, step(visibly(job, change, now), now, [{ type: "job.started", attempt }]));
}

function outcome(
  job: Job,
  phase: Executing,
  command: Extract<Command, { type: "succeed" | "fail" | "continue" }>,
  now: number,
  random: number,
): Step {
  const said = absorb(job, command.report, now, true);
  switch (command.type) {
    case "succeed":
      return join(said, succeeded(said.job, command.result, now));
    case "fail":
      return join(said, attemptFailed(said.job, "failed", command.failure, now, random));
    case "continue":
      return join(said, continued(said.job, phase, command.checkpoint, now));
    default:
      return unreachable(command);
  }
}

function succeeded(job: Job, result: string | null, now: number): Step {
  const attempts = endAttempt(job, { status: "succeeded", finishedAt: now });
  const change: Partial<Job> = {
    attempts,
    result,
    checkpoint: null,
    phase: { status: "succeeded", finishedAt: now },
  };
  return step(visibly(job, change, now), now, [{ type: "job.succeeded", attempt: attempts.length }]);
}

/** The slice is done and the next follows in the same attempt: at once, unless slices come hot on each other's heels. */
function continued(job: Job, phase: Executing, checkpoint: string, now: number): Step {
  if (now >= timeLimitAt(job)) return outOfTime(job, now);
  const attempt = job.attempts.length;
  const slice = job.slice + 1;
  const dueAt = Math.max(now, phase.sliceStartedAt + SLICE_MS_MIN);
  const { wait, effects } = waitUntil(dueAt, now, job.policy, attempt, slice);
  const waiting = { status: "running", activity: "continuing", wait } as const;
  return step(
    visibly(job, { checkpoint, phase: waiting }, now),
    now,
    [{ type: "job.continued", attempt, slice }],
    effects,
  );
}

/** An attempt failed; whether the job did depends on the kind, the attempts left and the time left. */
function attemptFailed(job: Job, status: AttemptStatus, failure: Failure, now: number, random: number): Step {
  const { policy } = job;
  const attempt = job.attempts.length;
  const isTemporary = policy.retryKinds.includes(failure.kind);
  if (!isTemporary) return failed(job, status, failure, "permanent_failure", now);
  if (attempt >= policy.maxAttempts) return failed(job, status, failure, "attempts_exhausted", now);
  const dueAt = now + backoffMs(policy.backoff, attempt, failure.retryAfterMs, random);
  if (dueAt >= timeLimitAt(job)) return failed(job, status, failure, "time_limit_exceeded", now);
  const { wait, effects } = waitUntil(dueAt, now, policy, attempt + 1, 1);
  const attempts = endAttempt(job, { status, finishedAt: now, error: inPublic(failure) });
  const phase = { status: "running", activity: "waiting_to_retry", wait } as const;
  const event = attemptFailedEvent(job, status, failure, dueAt);
  return step(visibly(job, { attempts, phase }, now), now, [event], effects);
}

/** The total limit ends a running job; between two attempts, what the last one failed of is the better word. */
function outOfTime(job: Job, now: number): Step {
  const last = job.attempts.at(-1);
  const failure = last?.error
    ? { ...last.error, retryAfterMs: null, reference: referenceOf(job.id, last.number) }
    : systemFailure(job, "timeout");
  return failed(job, "timed_out", failure, "time_limit_exceeded", now);
}

function failed(job: Job, status: AttemptStatus, failure: Failure, reason: FailReason, now: number): Step {
  const error = { ...inPublic(failure), reference: failure.reference };
  const isAttemptOpen = job.attempts.at(-1)?.finishedAt === null;
  const attempts = isAttemptOpen
    ? endAttempt(job, { status, finishedAt: now, error: inPublic(failure) })
    : job.attempts;
  const phase = { status: "failed", finishedAt: now, reason, error } as const;
  return step(visibly(job, { attempts, phase, checkpoint: null }, now), now, [
    ...(isAttemptOpen ? [attemptFailedEvent(job, status, failure, null)] : []),
    { type: "job.failed", reason, error },
  ]);
}

function cancel(job: Job, command: Extract<Command, { type: "cancel" }>, now: number): Decision {
  const { status } = job.phase;
  if (status === "succeeded" || status === "failed") return refused(job, "not_cancellable");
  if (command.ifVersion && !command.ifVersion.includes(job.version)) return refused(job, "version_mismatch");
  if (status === "cancelled") return answered({ ok: true }, unchanged(job));
  const said = lastWord(job, now);
  return answered({ ok: true }, join(said, cancelled(said.job, now, "requested", command.reason)));
}

function cancelled(job: Job, now: number, reason: CancelReason, message: string | null): Step {
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
  return step(visibly(job, change, now), now, [{ type: "job.cancelled", reason, by, message }]);
}

/** The cancelled code has really stopped. */
function acknowledge(job: Job, lease: string, now: number): Decision {
  const { phase } = job;
  if (phase.status !== "cancelled" || phase.cancellation.stopping !== lease) return refused(job, "stale");
  const cancellation = { ...phase.cancellation, acknowledgedAt: now, stopping: null };
  return answered({ ok: true }, step(visibly(job, { phase: { ...phase, cancellation } }, now), now, []));
}
