/**
 * A WebSocket from a running attempt to its job object. It delivers cancellations immediately and detects dead workers.
 * It is optional: lease renewal covers both, more slowly.
 */

import { jittered } from "../lib/retry.ts";
import { sleep } from "../lib/runtime.ts";
import { closeNormally, NORMAL_CLOSURE } from "../lib/socket.ts";
import type { JobApi, RunRejection } from "../rpc/job.ts";

/** Most runs end sooner, and a socket costs a request. A cancellation before it is delivered when the socket opens. */
const SOCKET_OPEN_DELAY_MS = 200;
const SOCKET_REOPEN_MS = 1_000;

type WorkerSocketOptions = {
  /** Returns a fresh stub for every call. */
  api: () => JobApi;
  lease: string;
  /** Aborts when the run has finished. */
  finished: AbortSignal;
  onRejection: (rejection: RunRejection) => void;
  /** Renews the lease, which the job may have shortened when the socket broke. */
  renew: () => Promise<void>;
};

type Connection = { socket: WebSocket } | { rejection: RunRejection } | null;

/** Keeps a socket open until `finished` aborts or the job closes it. Never rejects. */
export async function keepWorkerSocket(options: WorkerSocketOptions): Promise<void> {
  const { finished, onRejection, renew } = options;
  await sleep(SOCKET_OPEN_DELAY_MS, finished);
  for (let isFirst = true; !finished.aborted; isFirst = false) {
    const connection = await Promise.race([connect(options), whenAborted(finished)]);
    if (connection && "rejection" in connection) return onRejection(connection.rejection);
    if (connection) {
      const closed = receive(connection.socket, options);
      if (!isFirst && !finished.aborted) await renew();
      if ((await closed) === "closed_normally") return;
    }
    await sleep(jittered(SOCKET_REOPEN_MS), finished);
  }
}

/** Connects; null if that is impossible at the moment. */
async function connect({ api, lease }: WorkerSocketOptions): Promise<Connection> {
  try {
    const url = `https://job/worker?lease=${encodeURIComponent(lease)}`;
    const response = await api().fetch(url, { headers: { Upgrade: "websocket" } });
    if (response.webSocket) return { socket: response.webSocket };
    if (response.status === 409) return { rejection: (await response.json()) as RunRejection };
    return response.status === 404 ? { rejection: { ok: false, reason: "stale" } } : null;
  } catch {
    return null;
  }
}

function whenAborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
}

/** Receives rejections until the socket closes. */
function receive(
  socket: WebSocket,
  { finished, onRejection }: WorkerSocketOptions,
): Promise<"closed_normally" | "connection_lost"> {
  return new Promise((resolve) => {
    const end = () => {
      closeNormally(socket);
      resolve("closed_normally");
    };
    socket.addEventListener("message", ({ data }) => onRejection(JSON.parse(String(data)) as RunRejection));
    socket.addEventListener("close", ({ code }) =>
      resolve(code === NORMAL_CLOSURE ? "closed_normally" : "connection_lost"),
    );
    socket.addEventListener("error", () => resolve("connection_lost"));
    finished.addEventListener("abort", end);
    socket.accept();
    if (finished.aborted) end();
  });
}
