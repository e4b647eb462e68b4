/** What a job object answers: to a client, to a worker, to a delivery. */

import type { Command, Decision, Delivery, Job, Rejection } from "../../core/job.ts";
import { type LeaseRejection, rejectionReason } from "../../core/lease.ts";
import { log } from "../../lib/log.ts";
import type {
  CancelAnswer,
  Claim,
  DueDelivery,
  FileAccess,
  RemoteRunAnswer,
  ReplaySource,
  RunAnswer,
} from "../../rpc/job.ts";
import { formatTime, toJobView, toSnapshot } from "../../rpc/views.ts";
import { jobLogFields } from "./effects.ts";

/** The answer to a client's cancellation. */
export function toCancelAnswer({ answer, job }: Decision, now: number): CancelAnswer {
  if (answer.ok) return { kind: "cancelled", ...toSnapshot(job, now) };
  const kind = answer.reason === "version_mismatch" ? "version_mismatch" : "not_cancellable";
  return { kind, status: job.phase.status };
}

/** What a webhook says; null for a job without one. */
export function toDueDelivery(job: Job, { eventType, eventAt }: Delivery): DueDelivery | null {
  const { webhook, trace } = job;
  return (
    webhook && {
      url: webhook.url,
      type: eventType,
      timestamp: formatTime(eventAt),
      job: toJobView(job),
      trace,
    }
  );
}

/** Where a subscriber goes on: a position beyond the last event is none of this job, so everything follows it. */
export function knownSeq({ lastSeq }: Job, seq: number): number {
  return seq > lastSeq ? 0 : seq;
}

/** What a worker needs of the job it claimed. */
export function toClaim(
  { type, input, checkpoint, policy, trace, attempts, metadata, phase }: Job,
  { attempt, continuation }: Pick<Claim, "attempt" | "continuation">,
  now: number,
): Claim {
  const { attemptTimeoutMs, leaseMs, heartbeatTimeoutMs, maxAttempts } = policy;
  const run = "lease" in phase ? phase : null;
  const runTimeMs = now - (attempts[0]?.startedAt ?? now);
  return {
    type,
    input,
    checkpoint,
    attempt,
    continuation,
    attemptTimeoutMs,
    leaseMs,
    heartbeatTimeoutMs,
    runTimeMs,
    trace,
    metadata,
    maxAttempts,
    leaseExpiresAt: run?.leaseEndsAt ?? now,
    attemptExpiresAt: (run?.runStartedAt ?? now) + attemptTimeoutMs,
  };
}

/** The answer to a running attempt; a rejection is logged. */
export function toRunAnswer(decision: Decision | null, { type }: Command): RunAnswer {
  if (decision?.answer.ok) return decision.answer;
  log("info", "stale_rejected", { ...(decision ? jobLogFields(decision.job) : {}), command: type });
  const reason = decision && !decision.answer.ok ? decision.answer.reason : "stale";
  return { ok: false, reason: toLeaseRejection(reason) };
}

/** The answer to a remote worker. */
export function toRemoteAnswer(decision: Decision | null, lease: string): RemoteRunAnswer | null {
  if (!decision) return null;
  const { answer, job } = decision;
  const { phase, endedRun } = job;
  const { status } = phase;
  if (!answer.ok) return { ok: false, reason: toLeaseRejection(answer.reason), status };
  const ended = endedRun?.lease === lease ? endedRun : null;
  return { ok: true, leaseExpiresAt: "lease" in phase ? phase.leaseEndsAt : null, ended };
}

/** Whether the run with this lease may read a file. */
export function toFileAccess(job: Job | null, lease: string, fileId: string): FileAccess {
  const reason = job ? rejectionReason(job, lease) : "stale";
  if (!job || reason) return { ok: false, reason: reason ?? "stale", status: job?.phase.status ?? null };
  return { ok: true, isNamed: [job.input, job.checkpoint].some((text) => text?.includes(fileId)) };
}

/** The other reasons are none of a running attempt. */
function toLeaseRejection(reason: Rejection): LeaseRejection {
  return reason === "cancelled" || reason === "finished" ? reason : "stale";
}

/** What a replay keeps of the job. */
export function toReplaySource(job: Job): ReplaySource {
  const { type, input, metadata, webhook, phase, policy, startTimeoutAt, dueAt } = job;
  const { maxAttempts, totalTimeoutMs } = policy;
  return {
    type,
    input,
    metadata,
    webhook,
    maxAttempts,
    totalTimeoutMs,
    startTimeoutMs: startTimeoutAt === null ? null : startTimeoutAt - dueAt,
    queue: job.queue ?? null,
    status: phase.status,
    finishedAt: "finishedAt" in phase ? phase.finishedAt : null,
  };
}
