/**
 * A WebSocket from a running attempt to its job object. It carries reports, delivers cancellations immediately and
 * detects dead workers. It is optional: calls cover all three, more slowly.
 */

import { jittered } from "../lib/retry.ts";
import { sleep } from "../lib/runtime.ts";
import { closeNormally, NORMAL_CLOSURE } from "../lib/socket.ts";
import type { JobApi, RunRejection, SocketReply } from "../rpc/job.ts";

/** Most runs end sooner, and a socket costs a request. A cancellation before it is delivered when the socket opens. */
const SOCKET_OPEN_DELAY_MS = 200;
const SOCKET_REOPEN_MS = 1_000;

type WorkerSocketOptions = {
  /** Returns a fresh stub for every call. */
  api: () => JobApi;
  lease: string;
  /** Aborts when the run has finished. */
  finished: AbortSignal;
  /** It is open again: the job may have shortened the lease when the one before broke. */
  onReopen: () => void;
  /** Null if it answers a ping. */
  onReply: (socket: WebSocket, reply: SocketReply | null) => void;
  onRejection: (rejection: RunRejection) => void;
  onClosed: () => void;
};

type Connection = { socket: WebSocket } | { rejection: RunRejection } | null;

/** Keeps a socket open until `finished` aborts or the job closes it. Never rejects. */
export async function keepWorkerSocket(options: WorkerSocketOptions): Promise<void> {
  const { finished, onRejection, onReopen } = options;
  await sleep(SOCKET_OPEN_DELAY_MS, finished);
  for (let isFirst = true; !finished.aborted; isFirst = false) {
    const connection = await Promise.race([connect(options), whenAborted(finished)]);
    if (connection && "rejection" in connection) return onRejection(connection.rejection);
    if (connection) {
      const closed = receive(connection.socket, options);
      if (!isFirst && !finished.aborted) onReopen();
      if ((await closed) === "closed_normally") return;
    }
    await sleep(jittered(SOCKET_REOPEN_MS), finished);
  }
}

/** Connects; null if that is impossible at the moment. */
async function connect({ api, lease }: WorkerSocketOptions): Promise<Connection> {
  try {
    const url = `https://job/worker?lease=${encodeURIComponent(lease)}&reports`;
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

/** Receives replies until the socket closes. */
function receive(
  socket: WebSocket,
  { finished, onReply, onClosed }: WorkerSocketOptions,
): Promise<"closed_normally" | "connection_lost"> {
  return new Promise((resolve) => {
    let isOver = false;
    // A socket that fails may close long after: by then there may be another one.
    const end = (how: "closed_normally" | "connection_lost") => {
      if (!isOver) onClosed();
      isOver = true;
      resolve(how);
    };
    const leave = () => {
      closeNormally(socket);
      end("closed_normally");
    };
    socket.addEventListener("message", ({ data }) => onReply(socket, readReply(String(data))));
    socket.addEventListener("close", ({ code }) =>
      end(code === NORMAL_CLOSURE ? "closed_normally" : "connection_lost"),
    );
    socket.addEventListener("error", () => end("connection_lost"));
    finished.addEventListener("abort", leave);
    socket.accept();
    if (finished.aborted) leave();
  });
}

/** Everything but a ping is JSON. */
function readReply(text: string): SocketReply | null {
  return text.startsWith("{") ? (JSON.parse(text) as SocketReply) : null;
}
