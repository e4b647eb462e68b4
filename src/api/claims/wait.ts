/** Waiting for a job here in the Worker, so that the queues' objects can hibernate. */

import type { Env } from "../../env.ts";
import { jittered } from "../../lib/retry.ts";
import { sleep } from "../../lib/runtime.ts";
import { closeNormally } from "../../lib/socket.ts";
import { type ClaimRequest, type QueueRef, queueObject } from "../../rpc/queue.ts";

/** After a socket broke or was refused, a worker asks again after this. */
const ASK_AGAIN_MS = 1_000;

/** Resolves when one of the queues may have a job for the worker, after `ms`, or when the client has gone. */
export async function waitForJobs(
  env: Env,
  queues: readonly QueueRef[],
  request: ClaimRequest,
  ms: number,
  client: AbortSignal,
): Promise<void> {
  const called = new AbortController();
  const sockets = await Promise.all(queues.map((queue) => openSocket(env, queue, request)));
  const open = sockets.filter((socket) => socket !== null);
  for (const socket of open) {
    socket.addEventListener("message", () => called.abort());
    socket.addEventListener("close", () => called.abort());
    socket.addEventListener("error", () => called.abort());
    socket.accept();
  }
  const waitMs = open.length === queues.length ? ms : Math.min(ms, jittered(ASK_AGAIN_MS));
  await sleep(waitMs, AbortSignal.any([called.signal, client]));
  for (const socket of open) closeNormally(socket);
}

async function openSocket(
  env: Env,
  queue: QueueRef,
  { tenant, types, worker }: ClaimRequest,
): Promise<WebSocket | null> {
  const query = new URLSearchParams([
    ["tenant", tenant],
    ["queue", queue.name],
    ["worker", worker.name],
    ...(worker.version === null ? [] : [["version", worker.version]]),
    ...types.map((type) => ["type", type]),
  ]);
  const answer = await queueObject(env, queue)
    .fetch(`https://queue/wait?${query}`, { headers: { Upgrade: "websocket" } })
    .catch(() => null);
  return answer?.webSocket ?? null;
}
