/** A job and its events as clients see them: snake_case, RFC 3339 times, and only what is meant for them. */

import { unreachable } from "../core/assert.ts";
import { purgeAt } from "../core/facts.ts";
import { type HeldReport, withHeldProgress } from "../core/held-report.ts";
import type { Delivery, Job, JobEvent, Phase, Progress } from "../core/job.ts";
import { progressPercent } from "../core/progress.ts";
import type { QueueLimitName } from "../core/queue.ts";
import { fnv1a } from "../lib/hash.ts";
import type { Waiting } from "./queue.ts";

/**
 * The job as clients see it, after how many seconds asking again is worthwhile, and its entity tag: the version, and
 * what tells progress apart that is held in memory.
 */
export type Snapshot = { job: FullJobView; pollAfterSeconds: number | null; tag: string };

export type JobView = ReturnType<typeof toJobView>;
export type FullJobView = ReturnType<typeof toFullJobView>;
export type DeliveryView = ReturnType<typeof toDeliveryView>;
export type EventView = ReturnType<typeof toEventView>;
/** Progress that is not stored: without a number, and only for live subscribers. */
export type TransientView = Omit<EventView, "seq">;

/** A time on the wire: RFC 3339, UTC, milliseconds. */
export function formatTime(at: number): string {
  return new Date(at).toISOString();
}

function formatTimeOrNull(at: number | null): string | null {
  return at === null ? null : formatTime(at);
}

/** A larger input has its own URL. */
const INLINE_INPUT_BYTES_MAX = 16 * 1024;

/** Why a job waits in its queue, as clients see it. */
function toWaitingView({ reason, limit, position, enteredAt }: Waiting) {
  return {
    reason,
    limit: limit && toQueueLimitName(limit),
    position,
    entered_at: formatTime(enteredAt),
  };
}

/** As the contract writes the name of a limit. */
export function toQueueLimitName(limit: QueueLimitName): string {
  return limit.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What its queue says of a job: why it waits, or null if it may start. Undefined if it was not asked. */
export type QueueNews = Waiting | null | undefined;

/** The job as in section 2 of the contract. */
function toFullJobView(job: Job, waiting: QueueNews) {
  const { policy, webhook, startTimeoutAt, input, dueAt } = job;
  const isLarge = new TextEncoder().encode(input).length > INLINE_INPUT_BYTES_MAX;
  return {
    ...toJobView(job),
    ...(isLarge ? { input_url: `/v1/jobs/${job.id}/input` } : { input: JSON.parse(input) as unknown }),
    webhook: webhook && { url: webhook.url, events: webhook.events },
    limits: {
      start_timeout_ms: startTimeoutAt === null ? null : startTimeoutAt - dueAt,
      attempt_timeout_ms: policy.attemptTimeoutMs,
      heartbeat_timeout_ms: policy.heartbeatTimeoutMs,
      total_timeout_ms: policy.totalTimeoutMs,
      retention_ms: policy.retentionMs,
    },
    ...(waiting === null &&
      job.phase.status === "queued" && { status_reason: "waiting_for_worker" as const }),
    waiting: waiting ? toWaitingView(waiting) : null,
  };
}

/** The compact form: what pages and webhook messages have, and browser tokens get. */
export function toJobView(job: Job) {
  const { phase, attempts } = job;
  const self = `/v1/jobs/${job.id}`;
  return {
    id: job.id,
    type: job.type,
    status: phase.status,
    status_reason: statusReason(job),
    created_at: formatTime(job.createdAt),
    updated_at: formatTime(job.updatedAt),
    started_at: formatTimeOrNull(attempts[0]?.startedAt ?? null),
    finished_at: formatTimeOrNull("finishedAt" in phase ? phase.finishedAt : null),
    purge_at: formatTimeOrNull(purgeAt(job)),
    attempt: attempts.length,
    max_attempts: job.policy.maxAttempts,
    next_attempt_at: formatTimeOrNull(nextAttemptAt(phase)),
    progress: job.progress && { ...toProgressView(job.progress), updated_at: formatTime(job.progress.at) },
    attempts: attempts.map(({ number, status, worker = null, startedAt, finishedAt, error }) => ({
      number,
      status,
      worker,
      started_at: formatTime(startedAt),
      finished_at: formatTimeOrNull(finishedAt),
      ...(error ? { error } : {}),
    })),
    metadata: job.metadata,
    queue: job.queue?.name ?? null,
    priority: job.queue?.priority ?? 0,
    concurrency_key: job.queue?.key ?? null,
    ...(job.replayedFrom === null ? {} : { replayed_from: job.replayedFrom }),
    ...outcomeFields(job),
    version: job.version,
    links: { self, cancel: `${self}/cancel`, events: `${self}/events`, result: `${self}/result` },
  };
}

/** A larger result is left out of lists and webhooks; it has its own URL. */
const INLINE_RESULT_BYTES_MAX = 16 * 1024;

/** The compact form of a job that has more. */
export function toCompactView(job: FullJobView): JobView {
  const { webhook: _webhook, limits: _limits, waiting: _waiting, ...rest } = job;
  const {
    input: _input,
    input_url: _url,
    ...compact
  } = rest as typeof rest & { input?: unknown; input_url?: string };
  return withoutLargeResult(compact);
}

/** The job, without its result if that exceeds 16 KiB as JSON. */
export function withoutLargeResult(job: JobView): JobView {
  if (!("result" in job)) return job;
  const bytes = new TextEncoder().encode(JSON.stringify(job.result)).length;
  const { result: _left, ...rest } = job;
  return bytes > INLINE_RESULT_BYTES_MAX ? rest : job;
}

/** What exists only in its state: result, error or cancellation. */
function outcomeFields({ phase, result }: Job) {
  switch (phase.status) {
    case "succeeded":
      return { result: result === null ? null : (JSON.parse(result) as unknown) };
    case "failed":
      return { error: phase.error };
    case "cancelled": {
      const { requestedAt, reason, by, acknowledgedAt } = phase.cancellation;
      return {
        cancellation: {
          requested_at: formatTime(requestedAt),
          reason,
          by,
          acknowledged_at: formatTimeOrNull(acknowledgedAt),
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

function statusReason({ phase, queue }: Job) {
  switch (phase.status) {
    case "queued":
      if (phase.wait.dispatches === 0) return "scheduled";
      return queue && !phase.wait.isGranted ? "waiting_in_queue" : "waiting_for_worker";
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
  if (phase.status === "queued") return phase.wait.dispatches === 0 ? phase.wait.dueAt : null;
  if (phase.status !== "running" || !("wait" in phase)) return null;
  return phase.activity === "waiting_to_retry" || phase.isDelayed ? phase.wait.dueAt : null;
}

function toProgressView(progress: Progress) {
  const { current, total, unit, stage, message } = progress;
  return { current, total, unit, percent: progressPercent(progress), stage, message };
}

/** Whole seconds (at least 1) until asking again is worthwhile; null when the job has finished. */
function pollAfterSeconds(job: Job, now: number): number | null {
  if ("finishedAt" in job.phase) return null;
  return Math.max(1, Math.ceil(((nextAttemptAt(job.phase) ?? now) - now) / 1000));
}

/** What tells apart what is not stored: progress that is held, or what the queue says. */
function transientTag(held: HeldReport | null, waiting: QueueNews): string {
  if (held?.progress) return `.${held.number}`;
  return waiting === undefined ? "" : `.${fnv1a(JSON.stringify(waiting))}`;
}

/** The job as clients see it, with the progress that its attempt's socket holds, and when asking again is worthwhile. */
export function toSnapshot(
  job: Job,
  now: number,
  held: HeldReport | null = null,
  waiting?: QueueNews,
): Snapshot {
  return {
    job: toFullJobView(held ? withHeldProgress(job, held) : job, waiting),
    pollAfterSeconds: pollAfterSeconds(job, now),
    tag: `${job.version}${transientTag(held, waiting)}`,
  };
}

/** A delivery as in section 8 of the contract: the latest attempts, and when the next one is due. */
export function toDeliveryView({ id, eventType, state, attempts }: Delivery) {
  return {
    id,
    event: eventType,
    status: state.status === "waiting" ? ("pending" as const) : state.status,
    next_attempt_at: state.status === "waiting" ? formatTime(state.dueAt) : null,
    attempts: attempts.map(({ startedAt, status, error, durationMs }) => ({
      started_at: formatTime(startedAt),
      status,
      error,
      duration_ms: durationMs,
    })),
  };
}

/** The job's delivery with this id, or null. */
export function findDeliveryView(job: Job, id: string): DeliveryView | null {
  const delivery = job.deliveries.find((known) => known.id === id);
  return delivery ? toDeliveryView(delivery) : null;
}

/** An event as in section 5 of the contract. */
export function toEventView(event: JobEvent) {
  return { seq: event.seq, type: event.type, time: formatTime(event.at), data: eventData(event) };
}

/** Progress as an event that is not stored. */
export function toTransientView({ at, ...progress }: Progress & { at: number }): TransientView {
  return { type: "job.progress", time: formatTime(at), data: toProgressView(progress) };
}

function eventData(event: JobEvent) {
  switch (event.type) {
    case "job.queued":
      return { run_at: formatTimeOrNull(event.dueAt) };
    case "job.started":
      return { attempt: event.attempt, worker: event.worker ?? null };
    case "job.succeeded":
      return { attempt: event.attempt };
    case "job.progress":
      return toProgressView(event.progress);
    case "job.log":
      return { level: event.level, message: event.message, attempt: event.attempt };
    case "job.attempt_failed": {
      const { attempt, status, error, nextAttemptAt } = event;
      return { attempt, status, error, next_attempt_at: formatTimeOrNull(nextAttemptAt) };
    }
    case "job.continued": {
      const { attempt, continuation, nextAttemptAt = null } = event;
      return { attempt, continuation, next_attempt_at: formatTimeOrNull(nextAttemptAt) };
    }
    case "job.failed":
      return { status_reason: event.reason, error: event.error };
    case "job.cancelled":
      return { status_reason: event.reason, by: event.by, reason: event.message };
    default:
      return unreachable(event);
  }
}
