/**
 * Subscribes to a job for a client: bridges the object's hibernating sockets to Server-Sent Events, to a waiting
 * response, or to the client's own WebSocket. Waiting happens here in the Worker, so the object can hibernate.
 */

import { jittered, withRetry } from "../../lib/retry.ts";
import { now, repeatEvery, sleep, startTimer } from "../../lib/runtime.ts";
import { closeNormally, NORMAL_CLOSURE } from "../../lib/socket.ts";
import { sseComment, sseEvent, sseRetry } from "../../lib/sse.ts";
import type { JobApi } from "../../rpc/job.ts";
import type { EventView, TransientView } from "../../rpc/views.ts";

/** Proxies close connections that are silent for 30 s or more; the contract promises a line every 15 s. */
const COMMENT_MS = 10_000;

/** An EventSource whose stream was cut comes back after this. */
export const RECONNECT_MS = 2_000;

/** When a job has too many subscribers, clients reconnect after this. */
export const FULL_RECONNECT_MS = 30_000;

/** Delay before a waiting response subscribes again after its subscription broke or was refused. */
const RESUBSCRIBE_MS = 1_000;

/**
 * A client this far behind is cut off, after what is held for it, and resumes from there: a long history arrives in
 * several streams, and a reader that never reads holds no more.
 */
const BACKLOG_BYTES_MAX = 1024 * 1024;

/** A stream ends after this; the client resumes, and its key is checked again. */
const STREAM_MAX_MS = 15 * 60_000;

/** What the job object answers to a subscription. */
export type Subscription = WebSocket | "nothing_to_come" | "full" | "not_found";

/** The job as one credential subscribes to it; every call takes a fresh stub. */
export type Subscribable = { api: () => JobApi; credential: string };

/** Subscribes to the events after number `after`. Retries, because some clients give up on a rejection. */
export function subscribe(job: Subscribable, after: number): Promise<Subscription> {
  return withRetry(() => trySubscribe(job, after));
}

async function trySubscribe({ api, credential }: Subscribable, after: number | "end"): Promise<Subscription> {
  const query = new URLSearchParams({ after: String(after), credential });
  const answer = await api().fetch(`https://job/events?${query}`, { headers: { Upgrade: "websocket" } });
  if (answer.webSocket) return answer.webSocket;
  if (answer.status === 204) return "nothing_to_come";
  return answer.status === 503 ? "full" : "not_found";
}

/** Resolves when the job has finished, or after `seconds`, or when the client has gone; never rejects. */
export async function waitUntilFinished(
  job: Subscribable,
  seconds: number,
  client: AbortSignal,
): Promise<void> {
  const overAt = now() + seconds * 1_000;
  const leftMs = () => overAt - now();
  while (leftMs() > 0 && !client.aborted) {
    if ((await waitOnce(job, leftMs(), client)) === "finished") return;
    await sleep(Math.min(leftMs(), jittered(RESUBSCRIBE_MS)), client);
  }
}

/**
 * Waits on one subscription until the job finishes, the socket breaks, the time is up or the client disconnects.
 */
async function waitOnce(job: Subscribable, ms: number, client: AbortSignal): Promise<"finished" | "not yet"> {
  const subscription = await trySubscribe(job, "end").catch(() => "full" as const);
  if (subscription === "nothing_to_come" || subscription === "not_found") return "finished";
  if (subscription === "full") return "not yet";
  const closed = new AbortController();
  let outcome: "finished" | "not yet" = "not yet";
  subscription.addEventListener("close", ({ code }) => {
    if (code === NORMAL_CLOSURE) outcome = "finished";
    closed.abort();
  });
  subscription.addEventListener("error", () => closed.abort());
  subscription.accept();
  await sleep(ms, AbortSignal.any([closed.signal, client]));
  closeNormally(subscription);
  return outcome;
}

/** The events of an open subscription as Server-Sent Events; ends after the job's terminal event. */
export function sseStream(subscription: WebSocket): ReadableStream<Uint8Array> {
  let stopComments = () => {};
  const timer = startTimer(STREAM_MAX_MS);
  let isOver = false;
  const end = () => {
    isOver = true;
    stopComments();
    timer.stop();
    closeNormally(subscription);
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const finish = () => {
          if (isOver) return;
          end();
          controller.close();
        };
        const write = (bytes: Uint8Array) => {
          if (isOver) return;
          controller.enqueue(bytes);
          if ((controller.desiredSize ?? 0) < -BACKLOG_BYTES_MAX) finish();
        };
        subscription.addEventListener("message", ({ data }) => write(formatSse(String(data))));
        subscription.addEventListener("close", finish);
        subscription.addEventListener("error", finish);
        void timer.passed.then(finish);
        stopComments = repeatEvery(COMMENT_MS, () => write(sseComment("still here")));
        write(sseRetry(RECONNECT_MS));
        write(sseComment("subscribed"));
        subscription.accept();
      },
      cancel: end,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
  );
}

/**
 * A stream that only sets the reconnect delay, because an EventSource never reconnects after anything but a 200.
 */
export function retryStream(reason: string, retryMs: number): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(sseRetry(retryMs));
      controller.enqueue(sseComment(reason));
      controller.close();
    },
  });
}

function formatSse(message: string): Uint8Array {
  const { seq, type } = JSON.parse(message) as TransientView & Partial<EventView>;
  return sseEvent(seq, type, message);
}
