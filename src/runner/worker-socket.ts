/**
 * The line of a running attempt to its job: over it a cancellation lands at once, and by its breaking a dead worker
 * is noticed. It is a comfort, not a need: where it cannot be had, renewing the lease does the same, only later.
 */

import { sleep } from "../lib/runtime.ts";
import { closeNormally, NORMAL_CLOSURE } from "../lib/socket.ts";
import type { JobApi, RunRejection } from "../rpc/job.ts";

/** Most jobs are over before a line pays: it costs a request. What is cancelled sooner is told when it opens. */
const SOCKET_OPEN_DELAY_MS = 200;

/** Between tries to open it again. */
const SOCKET_REOPEN_MS = 1_000;

/**
 * Keeps a line open until `over` aborts. `heed` is given the job's word that the attempt no longer counts; `renew`
 * renews the lease once a line that broke is open again, for the job may have grown suspicious meanwhile.
 */
export async function keepWorkerSocket(
  api: () => JobApi,
  lease: string,
  over: AbortSignal,
  onReply: (refusal: RunRejection) => void,
  renew: () => Promise<void>,
): Promise<void> {
  await sleep(SOCKET_OPEN_DELAY_MS, over);
  for (let tries = 1; !over.aborted; tries += 1) {
    const line = await Promise.race([open(api, lease), aborted(over)]);
    if (line !== null && "reason" in line) return onReply(line);
    const isOver = over.aborted || (line !== null && listen(line, over, onReply));
    if (tries > 1 && line !== null && !over.aborted) await renew();
    if (await isOver) return;
    await sleep(SOCKET_REOPEN_MS, over);
  }
}

/** The line; or why the attempt has none because it no longer counts; or null if it could not be had just now. */
async function open(api: () => JobApi, lease: string): Promise<WebSocket | RunRejection | null> {
  try {
    const url = `https://job/worker?lease=${encodeURIComponent(lease)}`;
    const answer = await api().fetch(url, { headers: { Upgrade: "websocket" } });
    if (answer.webSocket) return answer.webSocket;
    if (answer.status === 409) return (await answer.json()) as RunRejection;
    return answer.status === 404 ? { ok: false, reason: "stale" } : null;
  } catch {
    return null;
  }
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
}

/** Resolves with true if the line was hung up, by either end, and with false if it broke. */
function listen(
  socket: WebSocket,
  over: AbortSignal,
  onReply: (refusal: RunRejection) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = () => {
      closeNormally(socket);
      resolve(true);
    };
    socket.addEventListener("message", ({ data }) => onReply(JSON.parse(String(data)) as RunRejection));
    socket.addEventListener("close", ({ code }) => resolve(code === NORMAL_CLOSURE));
    socket.addEventListener("error", () => resolve(false));
    over.addEventListener("abort", end);
    socket.accept();
    if (over.aborted) end();
  });
}
