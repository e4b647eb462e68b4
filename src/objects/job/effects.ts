/**
 * The effects of a stored decision: messages, log lines, released unique keys, deleted files. Every effect may fail
 * or happen twice; the job's alarm repeats those that failed.
 */

import { unreachable } from "../../core/assert.ts";
import { timesOf } from "../../core/facts.ts";
import { type Decision, type Effect, isFinished, type Job, type JobEvent } from "../../core/job.ts";
import type { Env } from "../../env.ts";
import { type LogFields, log } from "../../lib/log.ts";
import { traceIdOf } from "../../lib/trace.ts";
import { filesObject } from "../../rpc/files.ts";
import type { EnterAnswer } from "../../rpc/queue.ts";
import { uniqueKeyObject } from "../../rpc/unique-key.ts";
import { formatTime } from "../../rpc/views.ts";
import { jobQueueBinding } from "../../transport/queues.ts";
import { enterQueue, leaveQueue } from "./queueing.ts";

/**
 * Sends the message of an effect. A failure is only logged, because the stored alarm dispatches again. `entered` is what
 * the job's queue said when the job was submitted.
 */
export async function performEffect(
  env: Env,
  job: Job,
  effect: Effect,
  entered: EnterAnswer | null = null,
): Promise<void> {
  const { tenant, id: jobId } = job;
  try {
    switch (effect.type) {
      case "dispatch":
        if (!(entered ? entered.kind === "granted" : await enterQueue(env, job, effect))) return;
        await env[jobQueueBinding(job)].send({
          tenant,
          jobId,
          attempt: effect.attempt,
          continuation: effect.continuation,
        });
        return;
      case "dispatch_delivery":
        await env.DELIVERY_QUEUE.send({
          tenant,
          jobId,
          deliveryId: effect.deliveryId,
          attempt: effect.attempt,
        });
        return;
      case "leave_queue":
        await leaveQueue(env, job, effect.attempt);
        return;
      case "purge":
        return;
      default:
        unreachable(effect);
    }
  } catch (error) {
    log("warn", "dispatch_failed", { ...jobLogFields(job), effect: effect.type, error });
  }
}

/** Whether the decision asks to purge the job; then no alarm is set. */
export function requiresPurge({ effects }: Decision): boolean {
  return effects.some(({ type }) => type === "purge");
}

/**
 * Releases what a job has outside its object; a job without files and keys has nothing. Rejects if a call failed: then
 * the job may not be purged yet. Rows that an import staged are found by their dataset's object.
 */
export async function releaseResources(env: Env, job: Job): Promise<void> {
  if (job.holdsFiles) await filesObject(env, job.tenant).deleteOfJob(job.id);
  await Promise.all(job.uniqueKeys.map(({ name }) => uniqueKeyObject(env, job, name).release(job.id)));
}

/** The fields of every log line about a job. */
export function jobLogFields(job: Job): LogFields {
  const { id, tenant, type, trace } = job;
  const trace_id = traceIdOf(trace.traceparent);
  return {
    job_id: id,
    tenant,
    type,
    attempt: job.attempts.length,
    request_id: trace.requestId,
    trace_id,
    key_id: trace.keyId,
  };
}

/** When the job was accepted, and how long it took: so its other steps need no lines of their own. */
function timeFields(job: Job): LogFields {
  const { queueTimeMs, runTimeMs } = timesOf(job);
  return {
    created_at: formatTime(job.createdAt),
    attempts: job.attempts.length,
    queue_time_ms: queueTimeMs,
    run_time_ms: runTimeMs,
  };
}

/** Logs the events that operators follow. */
export function logEvents(job: Job, events: readonly JobEvent[]): void {
  for (const event of events) {
    const line = describeEvent(event);
    const times = isFinished(job) ? timeFields(job) : {};
    if (line) log(line.level ?? "info", line.name, { ...jobLogFields(job), ...line.fields, ...times });
  }
}

function describeEvent(event: JobEvent): { name: string; fields?: LogFields; level?: "warn" } | null {
  switch (event.type) {
    case "job.queued":
      return { name: "accepted" };
    case "job.attempt_failed": {
      const { status, error, nextAttemptAt } = event;
      const name = nextAttemptAt === null ? "attempt_failed" : "retry_scheduled";
      const next_attempt_at = nextAttemptAt === null ? null : formatTime(nextAttemptAt);
      return {
        name,
        level: "warn",
        fields: { attempt_status: status, ...error, next_attempt_at },
      };
    }
    case "job.succeeded":
      return { name: "finished", fields: { status: "succeeded" } };
    case "job.failed": {
      const { reason, error } = event;
      return {
        name: "finished",
        level: "warn",
        fields: { status: "failed", status_reason: reason, ...error },
      };
    }
    case "job.cancelled":
      return { name: "cancelled", fields: { status_reason: event.reason, by: event.by } };
    case "job.started":
    case "job.progress":
    case "job.log":
    case "job.continued":
      return null;
    default:
      return unreachable(event);
  }
}
