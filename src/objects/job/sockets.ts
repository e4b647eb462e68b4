/**
 * Who follows a job, and the line its running attempt holds: hibernatable WebSockets on the job's object, so that
 * it sleeps while nothing happens. Nothing is kept in memory that an eviction would lose; what a follower has
 * been sent follows from where it began and from what is stored.
 */

import { isFinished, type Job, type JobEvent } from "../../core/job.ts";
import { rejectionReason } from "../../core/lease.ts";
import { NORMAL_CLOSURE } from "../../lib/socket.ts";
import type { RunRejection } from "../../rpc/job.ts";
import { toEventView } from "../../rpc/views.ts";

const SUBSCRIBER_TAG = "subscriber";
const WORKER_TAG = "worker";

/** More followers than this are asked to come back later: each costs the object a message per event. */
export const SUBSCRIBERS_MAX = 100;

/** The followers and the line of one job object. */
export function openJobSockets(ctx: DurableObjectState) {
  function accept(tag: string): { client: WebSocket; server: WebSocket } {
    const { 0: client, 1: server } = new WebSocketPair();
    ctx.acceptWebSocket(server, [tag]);
    return { client, server };
  }

  return {
    /**
     * A socket that carries `missed` and then every event to come: 101. 204 if there is nothing to come,
     * 503 if there are too many followers.
     */
    subscribe(job: Job, missed: readonly JobEvent[]): Response {
      if (isFinished(job) && missed.length === 0) return new Response(null, { status: 204 });
      if (ctx.getWebSockets(SUBSCRIBER_TAG).length >= SUBSCRIBERS_MAX)
        return new Response(null, { status: 503 });
      const { client, server } = accept(SUBSCRIBER_TAG);
      sendEvents(server, missed);
      if (isFinished(job)) server.close(NORMAL_CLOSURE, "The job has finished.");
      return new Response(null, { status: 101, webSocket: client });
    },

    /** The running attempt's line: silent until the attempt no longer counts. */
    attachWorker(lease: string): Response {
      const { client, server } = accept(WORKER_TAG);
      server.serializeAttachment(lease);
      return new Response(null, { status: 101, webSocket: client });
    },

    /** Tells what has just been stored to whom it concerns. */
    publish(job: Job, events: readonly JobEvent[]): void {
      for (const line of ctx.getWebSockets(WORKER_TAG)) {
        const reason = rejectionReason(job, line.deserializeAttachment());
        if (reason) {
          ignoringClosedSocket(() => line.send(JSON.stringify({ ok: false, reason } satisfies RunRejection)));
          ignoringClosedSocket(() => line.close(NORMAL_CLOSURE));
        }
      }
      if (events.length === 0) return;
      for (const follower of ctx.getWebSockets(SUBSCRIBER_TAG)) {
        sendEvents(follower, events);
        if (isFinished(job))
          ignoringClosedSocket(() => follower.close(NORMAL_CLOSURE, "The job has finished."));
      }
    },

    /** The lease that is without a line now that this socket has gone; null if it was no line, or there is another. */
    disconnectedLease(socket: WebSocket): string | null {
      const lease = attachedLease(socket);
      const isHeld = ctx
        .getWebSockets(WORKER_TAG)
        .some((other) => other !== socket && attachedLease(other) === lease);
      return isHeld ? null : lease;
    },
  };
}

/** Followers have none. */
function attachedLease(socket: WebSocket): string | null {
  return (socket.deserializeAttachment() as string | null) ?? null;
}

function sendEvents(socket: WebSocket, events: readonly JobEvent[]): void {
  for (const event of events) ignoringClosedSocket(() => socket.send(JSON.stringify(toEventView(event))));
}

/** A socket that is just breaking is no fault of the job; its other end finds out by itself. */
function ignoringClosedSocket(act: () => void): void {
  try {
    act();
  } catch {
    // The socket is gone.
  }
}
