/**
 * The line of a running attempt to its job: over it a cancellation lands at once, and by its breaking a dead worker
 * is noticed. It is a comfort, not a need: where it cannot be had, renewing the lease does the same, only later.
 */

import type { JobApi, RunRefusal } from "../job/stub.ts";
import { NORMAL_CLOSURE } from "../lib/socket.ts";
import { pause } from "../lib/world.ts";

/** Most jobs are over before a line pays: it costs a request. What is cancelled sooner is told when it opens. */
const OPEN_AFTER_MS = 200;

/** Between tries to open it again. */
const REOPEN_MS = 1_000;

/**
 * Keeps a line open until `over` aborts. `heed` is given the job's word that the attempt no longer counts;
 * `broken` is called whenever the line breaks, so that the lease is renewed before the job grows suspicious.
 */
export async function keepLine(
  api: () => JobApi,
  lease: string,
  over: AbortSignal,
  heed: (refusal: RunRefusal) => void,
  broken: () => Promise<void>,
): Promise<void> {
  await pause(OPEN_AFTER_MS, over);
  while (!over.aborted) {
    const wasHungUp = await holdOnce(api, lease, over, heed);
    if (wasHungUp || over.aborted) return;
    await broken();
    await pause(REOPEN_MS, over);
  }
}

/** One line from opening to its end; true if the job has said its last word. */
async function holdOnce(
  api: () => JobApi,
  lease: string,
  over: AbortSignal,
  heed: (refusal: RunRefusal) => void,
): Promise<boolean> {
  try {
    const url = `https://job/line?lease=${encodeURIComponent(lease)}`;
    const answer = await api().fetch(url, { headers: { Upgrade: "websocket" } });
    if (answer.webSocket) return await listen(answer.webSocket, over, heed);
    if (answer.status === 409) heed((await answer.json()) as RunRefusal);
    return answer.status === 409 || answer.status === 404;
  } catch {
    return false;
  }
}

function listen(socket: WebSocket, over: AbortSignal, heed: (refusal: RunRefusal) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const hangUp = () => {
      socket.close(NORMAL_CLOSURE);
      resolve(true);
    };
    socket.addEventListener("message", ({ data }) => heed(JSON.parse(String(data)) as RunRefusal));
    socket.addEventListener("close", ({ code }) => resolve(code === NORMAL_CLOSURE));
    socket.addEventListener("error", () => resolve(false));
    over.addEventListener("abort", hangUp);
    socket.accept();
    if (over.aborted) hangUp();
  });
}
