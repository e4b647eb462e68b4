/** The remote workers that wait for a job: each by a hibernatable socket, so that the object sleeps while they wait. */

import { MINUTE } from "../../core/time.ts";
import { now } from "../../lib/runtime.ts";
import { closeNormally } from "../../lib/socket.ts";
import type { ClaimRequest, SeenWorker } from "../../rpc/queue.ts";

type Poll = Pick<ClaimRequest, "tenant" | "types" | "worker">;
type Attachment = Poll & { polledAt: number };

/** A worker that has not polled for so long is gone. */
const SEEN_MS = 2 * MINUTE;

export class Waiters {
  readonly #ctx: DurableObjectState;
  /** By tenant and name, in memory only: nothing is written for a poll. */
  readonly #seen = new Map<string, SeenWorker & { tenant: string; types: readonly string[] }>();

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /** Takes in a worker that waits: its socket says when to claim. */
  add(poll: Poll): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    server.serializeAttachment({ ...poll, polledAt: now() } satisfies Attachment);
    this.note(poll);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Notes that a worker is there. */
  note({ tenant, types, worker }: Poll): void {
    for (const [name, { polledAt }] of this.#seen) if (polledAt < now() - SEEN_MS) this.#seen.delete(name);
    this.#seen.set(`${tenant}/${worker.name}`, { ...worker, tenant, types, polledAt: now() });
  }

  /** The longest waiting workers first. `call` tells one to claim; then it waits no more. */
  waiting(): { poll: Poll; call: () => void }[] {
    return this.#sockets().map(({ socket, poll }) => ({ poll, call: () => callToClaim(socket) }));
  }

  /** Who was here lately; of all tenants without one. */
  workers(tenant: string | null): SeenWorker[] {
    const all = new Map([...this.#seen].map(([name, seen]) => [name, seen]));
    for (const { poll } of this.#sockets()) {
      const { worker, polledAt } = poll;
      all.set(`${poll.tenant}/${worker.name}`, { ...worker, ...poll, polledAt: Math.max(polledAt, now()) });
    }
    return [...all.values()]
      .filter((seen) => (tenant === null || seen.tenant === tenant) && seen.polledAt >= now() - SEEN_MS)
      .map(({ name, version, polledAt }) => ({ name, version, polledAt }));
  }

  #sockets(): { socket: WebSocket; poll: Attachment }[] {
    return this.#ctx
      .getWebSockets()
      .flatMap((socket) => {
        const poll = socket.deserializeAttachment() as Attachment | null;
        return poll ? [{ socket, poll }] : [];
      })
      .sort((one, other) => one.poll.polledAt - other.poll.polledAt);
  }
}

function callToClaim(socket: WebSocket): void {
  socket.serializeAttachment(null);
  try {
    socket.send("claim");
  } catch {
    // The worker has gone; another one is called.
  }
  closeNormally(socket);
}
