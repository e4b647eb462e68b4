/**
 * One POST to one receiver, which is not trusted: redirects are not followed, the response must end within 15 s,
 * and only its status is kept.
 */

import type { DeliveryAttempt } from "../core/job.ts";
import { retryAfterMs } from "../lib/retry-after.ts";
import { now, sleep } from "../lib/runtime.ts";
import type { DueDelivery } from "../rpc/job.ts";
import { withoutLargeResult } from "../rpc/views.ts";

/** From the beginning to the end of the answer; Standard Webhooks recommends 15 to 30 s. */
const RESPONSE_TIMEOUT_MS = 15_000;

/** Bytes read of a response's body, so that a well-behaved receiver is not cut off; the rest is cancelled. */
const RESPONSE_BYTES_MAX = 4 * 1024;

/** The body of the message, JSON: its type, the time of the event, and the job as it is now. */
export function messageBody({
  type,
  timestamp,
  job,
}: Pick<DueDelivery, "type" | "timestamp" | "job">): string {
  return JSON.stringify({ type, timestamp, data: withoutLargeResult(job) });
}

/** Posts the message once; resolves with the outcome and never rejects. */
export async function postMessage(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<DeliveryAttempt> {
  const startedAt = now();
  const finished = new AbortController();
  const timedOut = new AbortController();
  void sleep(RESPONSE_TIMEOUT_MS, finished.signal).then(() => timedOut.abort());
  const toAttempt = (outcome: Pick<DeliveryAttempt, "status" | "error" | "retryAfterMs">) => {
    return { startedAt, durationMs: now() - startedAt, ...outcome };
  };
  try {
    const request = { method: "POST", headers, body, redirect: "manual", signal: timedOut.signal } as const;
    const response = await fetch(url, request);
    await discardBody(response.body).catch(unlessTimedOut(timedOut.signal));
    return toAttempt({
      status: response.status,
      error: null,
      retryAfterMs: readReceiverRetryAfter(response),
    });
  } catch {
    const error = timedOut.signal.aborted ? "timeout" : "unreachable";
    return toAttempt({ status: null, error, retryAfterMs: null });
  } finally {
    finished.abort();
  }
}

/** A body that breaks off does not change the status; only one that takes too long does. */
function unlessTimedOut(timedOut: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (timedOut.aborted) throw error;
  };
}

/** Reads the beginning of a body and cancels the rest. Rejects if the connection breaks or the time is up. */
async function discardBody(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (!body) return;
  const reader = body.getReader();
  for (let bytes = 0; bytes < RESPONSE_BYTES_MAX; ) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.length;
  }
  reader.cancel().catch(() => undefined);
}

/** How long a receiver asks to wait: only with a status that says that it is overloaded. */
function readReceiverRetryAfter({ status, headers }: Response): number | null {
  const mayAsk = status === 429 || status === 503;
  return mayAsk ? retryAfterMs(headers.get("retry-after"), now()) : null;
}
