/** What follows from a job as it stands. */

import { isFinished, type Job, type Phase } from "./job.ts";

/**
 * How long the job waited from when it was due until its first attempt, and how long it ran from then to its end, in
 * milliseconds; null while it has not.
 */
export function timesOf(job: Job): { queueTimeMs: number | null; runTimeMs: number | null } {
  const startedAt = job.attempts[0]?.startedAt ?? null;
  const finishedAt = "finishedAt" in job.phase ? job.phase.finishedAt : null;
  return {
    queueTimeMs: startedAt === null ? null : Math.max(0, startedAt - job.dueAt),
    runTimeMs: startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt),
  };
}

/** When a finished job is purged; null while it is not finished. */
export function purgeAt(job: Job): number | null {
  return "finishedAt" in job.phase ? job.phase.finishedAt + job.policy.retentionMs : null;
}

/** When the job must have finished, or else it fails (or, never begun, expires). */
export function totalTimeoutAt(job: Job): number {
  return job.dueAt + job.policy.totalTimeoutMs;
}

/**
 * Whether the job still owns the unique key `name`. A unique key is owned until the job finishes. An input hash is
 * owned for its window, unless the job failed or was cancelled.
 */
export function holdsUniqueKey(job: Job, name: string, now: number): boolean {
  const uniqueKey = job.uniqueKeys.find((held) => held.name === name);
  if (!uniqueKey) return false;
  if (!isFinished(job)) return true;
  return uniqueKey.rule === "input_hash" && job.phase.status === "succeeded" && now < uniqueKey.untilAt;
}

/** Whether the job is in its queue: it waits to be started, or it has a slot. */
export function isInQueue(job: Job): boolean {
  const { phase } = job;
  if (!job.queue || isFinished(job)) return false;
  return !("wait" in phase) || phase.wait.dispatches > 0 || isContinuing(phase);
}

/** Whether a slot of its queue is taken as long as the job is so. */
export function holdsSlot(job: Job): boolean {
  return isInQueue(job) && ("lease" in job.phase || isContinuing(job.phase));
}

function isContinuing(phase: Phase): boolean {
  return phase.status === "running" && phase.activity === "continuing";
}
