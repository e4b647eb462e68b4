/**
 * The consumer of the delivery queue: each message triggers one attempt to deliver one event. The job object
 * decides whether the attempt is due, records its outcome and schedules the next one. Its alarm repeats an attempt
 * whose outcome was never recorded.
 */

import { z } from "zod";
import type { DeliveryAttempt } from "../core/job.ts";
import { type Env, targetRules } from "../env.ts";
import { type LogFields, log } from "../lib/log.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import { checkTarget } from "../lib/target.ts";
import { traceIdOf } from "../lib/trace.ts";
import { type DueDelivery, jobObject } from "../rpc/job.ts";
import { eachMessage } from "../transport/batch.ts";
import { DeliveryMessage, WakeMessage } from "../transport/message.ts";
import { messageBody, postMessage } from "./post.ts";
import { masterSecrets, signedMessageHeaders } from "./sign.ts";
import { wakeFleet } from "./wake.ts";

/** Delivers all messages of the batch at once; resolves when their attempts have ended (locally at once). */
export function consumeDeliveries(batch: MessageBatch, env: Env, ctx: ExecutionContext): Promise<void> {
  return eachMessage(batch, env, ctx, {
    schema: z.union([DeliveryMessage, WakeMessage]),
    handle: (message) => ("deliveryId" in message ? deliver(message, env) : wakeFleet(message, env)),
  });
}

/** One attempt, if it is due. Rejects if the job could not be reached, so that the message is delivered again. */
async function deliver(message: DeliveryMessage, env: Env): Promise<void> {
  const { tenant, jobId, deliveryId, attempt } = message;
  const api = () => jobObject(env, tenant, jobId);
  const due = await withRetry(() => api().delivery(deliveryId, attempt));
  if (!due) return;
  const outcome = await attemptDelivery(message, due, env);
  const fields = deliveryLogFields(message, due);
  try {
    const delivery = await withRetry(() => api().recordDelivery(deliveryId, attempt, outcome));
    if (delivery && delivery.status !== "succeeded") logFailure(fields, outcome, delivery);
  } catch (error) {
    log("error", "outcome_lost", { ...fields, error });
  }
}

/** Checks the target once more, for rules and deployments change, and posts the message. Rejects without a secret. */
async function attemptDelivery(
  { tenant, deliveryId: id }: DeliveryMessage,
  due: DueDelivery,
  env: Env,
): Promise<DeliveryAttempt> {
  if (masterSecrets(env).length === 0)
    throw new Error("WEBHOOK_SECRET is missing: the delivery waits until it is set.");
  const startedAt = now();
  if (checkTarget(due.url, targetRules(env)) !== null) {
    return { startedAt, status: null, error: "refused_target", durationMs: 0, retryAfterMs: null };
  }
  const body = messageBody(due);
  const headers = {
    traceparent: due.trace.traceparent,
    ...(due.trace.tracestate !== null && { tracestate: due.trace.tracestate }),
    ...(await signedMessageHeaders(env, tenant, { id, at: startedAt, body })),
  };
  return postMessage(due.url, headers, body);
}

/**
 * The fields of every log line about an attempt. Only the host of the URL, because path and query may be secrets.
 */
function deliveryLogFields(
  { tenant, jobId, deliveryId, attempt }: DeliveryMessage,
  due: DueDelivery,
): LogFields {
  const { requestId: request_id, traceparent } = due.trace;
  const trace_id = traceIdOf(traceparent);
  return {
    job_id: jobId,
    tenant,
    type: due.job.type,
    attempt: due.job.attempt,
    request_id,
    trace_id,
    delivery_id: deliveryId,
    delivery_attempt: attempt,
    event_type: due.type,
    host: URL.parse(due.url)?.host,
  };
}

function logFailure(
  fields: LogFields,
  { status, error, durationMs }: DeliveryAttempt,
  delivery: { status: string; next_attempt_at: string | null },
): void {
  const { next_attempt_at } = delivery;
  const how = { status, error, duration_ms: durationMs };
  log("warn", "delivery_failed", { ...fields, ...how, next_attempt_at });
  if (delivery.status === "failed") log("warn", "delivery_exhausted", { ...fields, ...how });
}
