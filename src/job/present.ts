/** A job and its events as clients see them: snake_case, RFC 3339 times, and only what is meant for them. */

import { unreachable } from "../core/assert.ts";
import { type Delivery, expiresAt, type Job, type JobEvent, type Phase, type Progress } from "../core/job.ts";
import { percent } from "../core/report.ts";
import type { Snapshot } from "./stub.ts";

export type JobView = ReturnType<typeof presentJob>;
export type DeliveryView = ReturnType<typeof presentDelivery>;
export type EventView = ReturnType<typeof presentEvent>;

/** A time on the wire: RFC 3339, UTC, milliseconds. */
export function presentTime(at: number): string {
  return new Date(at).toISOString();
}

function orNull(at: number | null): string | null {
  return at === null ? null : presentTime(at);
}

/** The job as in section 2 of the contract. */
export function presentJob(job: Job) {
  const { phase, attempts } = job;
  const self = `/v1/jobs/${job.id}`;
  return {
    id: job.id,
    type: job.type,
    status: phase.status,
    status_reason: statusReason(phase),
    created_at: presentTime(job.createdAt),
    updated_at: presentTime(job.updatedAt),
    started_at: orNull(attempts[0]?.startedAt ?? null),
    finished_at: orNull("finishedAt" in phase ? phase.finishedAt : null),
    expires_at: orNull(expiresAt(job)),
    attempt: attempts.length,
    max_attempts: job.policy.maxAttempts,
    next_attempt_at: orNull(nextAttemptAt(phase)),
    progress: job.progress && { ...presentProgress(job.progress), updated_at: presentTime(job.progress.at) },
    attempts: attempts.map(({ number, status, startedAt, finishedAt, error }) => ({
      number,
      status,
      started_at: presentTime(startedAt),
      finished_at: orNull(finishedAt),
      ...(error ? { error } : {}),
    })),
    metadata: job.metadata,
    ...(job.replayedFrom === null ? {} : { replayed_from: job.replayedFrom }),
    ...presentOutcome(job),
    version: job.version,
    links: { self, cancel: `${self}/cancel`, events: `${self}/events`, result: `${self}/result` },
  };
}

/** Where many jobs are told of at once, or strangers receive them, a larger result is left out: it has its own URL. */
const RESULT_BYTES_MAX = 16 * 1024;

/** The job, without its result if that exceeds 16 KiB as JSON. */
export function withoutLargeResult(job: JobView): JobView {
  if (!("result" in job)) return job;
  const bytes = new TextEncoder().encode(JSON.stringify(job.result)).length;
  const { result: _left, ...rest } = job;
  return bytes > RESULT_BYTES_MAX ? rest : job;
}

/** What exists only in its state: result, error or cancellation. */
function presentOutcome({ phase, result }: Job) {
  switch (phase.status) {
    case "succeeded":
      return { result: result === null ? null : (JSON.parse(result) as unknown) };
    case "failed":
      return { error: phase.error };
    case "cancelled": {
      const { requestedAt, reason, by, acknowledgedAt } = phase.cancellation;
      return {
        cancellation: {
          requested_at: presentTime(requestedAt),
          reason,
          by,
          acknowledged_at: orNull(acknowledgedAt),
        },
      };
    }
    case "queued":
    case "running":
      return {};
    default:
      return unreachable(phase);
  }
}

function statusReason(phase: Phase) {
  switch (phase.status) {
    case "queued":
      return phase.wait.sends === 0 ? "scheduled" : "waiting_for_worker";
    case "running":
      return phase.activity;
    case "failed":
    case "cancelled":
      return phase.reason;
    case "succeeded":
      return null;
    default:
      return unreachable(phase);
  }
}

/** When an attempt will begin, if it is known: a scheduled one or a retry. */
function nextAttemptAt(phase: Phase): number | null {
  if (phase.status === "queued") return phase.wait.sends === 0 ? phase.wait.dueAt : null;
  return phase.status === "running" && phase.activity === "waiting_to_retry" ? phase.wait.dueAt : null;
}

function presentProgress(progress: Progress) {
  const { current, total, unit, stage, message } = progress;
  return { current, total, unit, percent: percent(progress), stage, message };
}

/** Whole seconds (at least 1) until asking again is worthwhile; null when the job has finished. */
function pollAfterSeconds(job: Job, now: number): number | null {
  if ("finishedAt" in job.phase) return null;
  return Math.max(1, Math.ceil(((nextAttemptAt(job.phase) ?? now) - now) / 1000));
}

/** The job as clients see it, and when asking again is worthwhile. */
export function presentSnapshot(job: Job, now: number): Snapshot {
  return { job: presentJob(job), pollAfterSeconds: pollAfterSeconds(job, now) };
}

/** A delivery as in section 8 of the contract: every try, and when the next one follows. */
export function presentDelivery({ id, eventType, state, tries }: Delivery) {
  return {
    id,
    event: eventType,
    status: state.status === "waiting" ? ("pending" as const) : state.status,
    next_attempt_at: state.status === "waiting" ? presentTime(state.dueAt) : null,
    tries: tries.map(({ at, status, error, durationMs }) => ({
      time: presentTime(at),
      status,
      error,
      duration_ms: durationMs,
    })),
  };
}

/** The job's delivery of this id; null if it has none such. */
export function presentDeliveryOf(job: Job, id: string): DeliveryView | null {
  const delivery = job.deliveries.find((known) => known.id === id);
  return delivery ? presentDelivery(delivery) : null;
}

/** An event as in section 5 of the contract. */
export function presentEvent(event: JobEvent) {
  return { seq: event.seq, type: event.type, time: presentTime(event.at), data: eventData(event) };
}

function eventData(event: JobEvent) {
  switch (event.type) {
    case "job.queued":
      return { run_at: orNull(event.dueAt) };
    case "job.started":
    case "job.succeeded":
      return { attempt: event.attempt };
    case "job.progress":
      return presentProgress(event.progress);
    case "job.log":
      return { level: event.level, message: event.message, attempt: event.attempt };
    case "job.attempt_failed": {
      const { attempt, status, error, nextAttemptAt } = event;
      return { attempt, status, error, next_attempt_at: orNull(nextAttemptAt) };
    }
    case "job.continued":
      return { attempt: event.attempt, slice: event.slice };
    case "job.failed":
      return { status_reason: event.reason, error: event.error };
    case "job.cancelled":
      return { status_reason: event.reason, by: event.by, reason: event.message };
    default:
      return unreachable(event);
  }
}
