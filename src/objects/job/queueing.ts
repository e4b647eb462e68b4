/** A job and its queue: how it enters, and where it stands when the queue asks. */

import { nextRun } from "../../core/dispatch.ts";
import { holdsSlot, isInQueue } from "../../core/facts.ts";
import type { Job, Submission } from "../../core/job.ts";
import type { QueueEntry } from "../../core/queue.ts";
import type { Env } from "../../env.ts";
import { withRetry } from "../../lib/retry.ts";
import type { JobQueueStatus } from "../../rpc/job.ts";
import { type EnterAnswer, queueObject, queueRef } from "../../rpc/queue.ts";
import type { QueueNews } from "../../rpc/views.ts";

type RunNumber = { attempt: number; continuation: number };

/** Enters a submission, or refuses it; null if it needs no queue yet. `id` is the job that it makes. */
export async function enterSubmission(
  env: Env,
  submission: Submission,
  id: string,
  now: number,
): Promise<EnterAnswer | null> {
  const { tenant, queue, runAt } = submission;
  const isScheduled = runAt !== null && runAt > now;
  if (!queue || isScheduled) return null;
  const entry = toEntry({ ...submission, id, dueAt: now }, queue, { attempt: 1, continuation: 0 });
  return withRetry(() => queueObject(env, queueRef(tenant, queue)).enter(entry, true));
}

/** Whether the job's message may be sent now: it has no queue, or a slot of it. */
export async function enterQueue(env: Env, job: Job, run: RunNumber): Promise<boolean> {
  if (!job.queue) return true;
  const [ref, entry] = [queueRef(job.tenant, job.queue), toEntry(job, job.queue, run)];
  return (await withRetry(() => queueObject(env, ref).enter(entry, false))).kind === "granted";
}

export async function leaveQueue(env: Env, { tenant, queue, id }: Job, attempt: number): Promise<void> {
  if (queue) await withRetry(() => queueObject(env, queueRef(tenant, queue)).leave(id, attempt));
}

/**
 * What the queue says of a job that waits in it; undefined if there is nothing to ask, or if the queue cannot be reached.
 * Writes nothing.
 */
export async function askQueue(env: Env, { tenant, queue, phase, id }: Job): Promise<QueueNews> {
  const isWaiting = "wait" in phase && phase.wait.dispatches > 0 && !phase.wait.isGranted;
  if (!queue || !isWaiting) return undefined;
  return queueObject(env, queueRef(tenant, queue))
    .waiting(id)
    .catch(() => undefined);
}

/** Where the job stands with its queue; one that is just being made waits. */
export function queueStatusOf(job: Job | null, isComing: boolean): JobQueueStatus {
  if (!job && isComing) return { kind: "waits", attempt: 1, continuation: 0 };
  if (!job || !isInQueue(job)) return { kind: "out" };
  const isWaiting = "wait" in job.phase && job.phase.wait.dispatches > 0;
  const run =
    "wait" in job.phase ? nextRun(job) : { attempt: job.attempts.length, continuation: job.continuation };
  return { kind: isWaiting || !holdsSlot(job) ? "waits" : "runs", ...run };
}

type Entering = Pick<Job, "id" | "tenant" | "type" | "isRemote" | "dueAt" | "policy">;

/** It always enters at its old place: where it was due. */
function toEntry(
  job: Entering,
  queue: NonNullable<Job["queue"]>,
  { attempt, continuation }: RunNumber,
): QueueEntry {
  return {
    jobId: job.id,
    tenant: job.tenant,
    weight: queue.weight,
    type: job.type,
    isRemote: job.isRemote,
    wakeUrl: queue.wakeUrl ?? null,
    key: queue.key,
    enteredAt: job.dueAt,
    priority: queue.priority,
    attemptTimeoutMs: job.policy.attemptTimeoutMs,
    attempt,
    continuation,
  };
}
