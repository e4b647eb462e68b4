/** What a job object answers: to a client, to a worker, to a delivery. */

import type { Decision, Delivery, Job } from "../../core/job.ts";
import type { CancelAnswer, Claim, DueDelivery, ReplaySource } from "../../rpc/job.ts";
import { formatTime, toJobView, toSnapshot } from "../../rpc/views.ts";

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
export function toClaimedJob(
  { type, input, checkpoint, policy, trace, attempts }: Job,
  now: number,
): Omit<Claim, "attempt" | "continuation"> {
  const { attemptTimeoutMs, leaseMs, heartbeatTimeoutMs } = policy;
  const runTimeMs = now - (attempts[0]?.startedAt ?? now);
  return { type, input, checkpoint, attemptTimeoutMs, leaseMs, heartbeatTimeoutMs, runTimeMs, trace };
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
    status: phase.status,
    finishedAt: "finishedAt" in phase ? phase.finishedAt : null,
  };
}
