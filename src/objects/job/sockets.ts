/**
 * The sockets of a job object: subscribers, and the worker of the running attempt. They are hibernatable, so the
 * object sleeps while nothing happens. No state is kept in memory that an eviction would lose.
 */

import { isFinished, type Job, type JobEvent } from "../../core/job.ts";
import { rejectionReason } from "../../core/lease.ts";
import { NORMAL_CLOSURE } from "../../lib/socket.ts";
import type { RunRejection } from "../../rpc/job.ts";
import { toEventView } from "../../rpc/views.ts";

const SUBSCRIBER_TAG = "subscriber";
const WORKER_TAG = "worker";

/** Further subscribers are asked to come back later, because each costs a message per event. */
export const SUBSCRIBERS_MAX = 100;
/** A credential leaves room for others. */
export const SUBSCRIBERS_PER_CREDENTIAL_MAX = 50;

/** The subscribers and the worker socket of one job object. */
export function openJobSockets(ctx: DurableObjectState) {
  function accept(...tags: string[]): { client: WebSocket; server: WebSocket } {
    const { 0: client, 1: server } = new WebSocketPair();
    ctx.acceptWebSocket(server, tags);
    return { client, server };
  }

  const isFull = (tag: string, max: number) => ctx.getWebSockets(tag).length >= max;

  return {
    /**
     * Returns 101 with a socket that sends `missed` and then every further event, 204 if no event can follow, and
     * 503 if there are too many subscribers, in all or with this credential.
     */
    subscribe(job: Job, missed: readonly JobEvent[], credential: string): Response {
      if (isFinished(job) && missed.length === 0) return new Response(null, { status: 204 });
      const own = `${SUBSCRIBER_TAG} ${credential}`;
      if (isFull(SUBSCRIBER_TAG, SUBSCRIBERS_MAX) || isFull(own, SUBSCRIBERS_PER_CREDENTIAL_MAX))
        return new Response(null, { status: 503 });
      const { client, server } = accept(SUBSCRIBER_TAG, own);
      sendEvents(server, missed);
      if (isFinished(job)) server.close(NORMAL_CLOSURE, "The job has finished.");
      return new Response(null, { status: 101, webSocket: client });
    },

    /** The worker socket of the running attempt: silent until the attempt no longer counts. */
    attachWorker(lease: string): Response {
      const { client, server } = accept(WORKER_TAG);
      server.serializeAttachment(lease);
      return new Response(null, { status: 101, webSocket: client });
    },

    /** Sends stored events to the subscribers, and a rejection to workers whose attempt no longer counts. */
    publish(job: Job, events: readonly JobEvent[]): void {
      for (const worker of ctx.getWebSockets(WORKER_TAG)) {
        const reason = rejectionReason(job, worker.deserializeAttachment());
        if (reason) {
          ignoringClosedSocket(() =>
            worker.send(JSON.stringify({ ok: false, reason } satisfies RunRejection)),
          );
          ignoringClosedSocket(() => worker.close(NORMAL_CLOSURE));
        }
      }
      if (events.length === 0) return;
      for (const subscriber of ctx.getWebSockets(SUBSCRIBER_TAG)) {
        sendEvents(subscriber, events);
        if (isFinished(job))
          ignoringClosedSocket(() => subscriber.close(NORMAL_CLOSURE, "The job has finished."));
      }
    },

    /**
     * The lease that has no socket after this one closed; null if it was no worker socket, or another one is open.
     */
    disconnectedLease(socket: WebSocket): string | null {
      const lease = attachedLease(socket);
      const isHeld = ctx
        .getWebSockets(WORKER_TAG)
        .some((other) => other !== socket && attachedLease(other) === lease);
      return isHeld ? null : lease;
    },
  };
}

/** Null for a subscriber. */
function attachedLease(socket: WebSocket): string | null {
  return (socket.deserializeAttachment() as string | null) ?? null;
}

function sendEvents(socket: WebSocket, events: readonly JobEvent[]): void {
  for (const event of events) ignoringClosedSocket(() => socket.send(JSON.stringify(toEventView(event))));
}

/** A send to a socket that is just closing may fail; its other end notices by itself. */
export function ignoringClosedSocket(act: () => void): void {
  try {
    act();
  } catch {
    // The socket is gone.
  }
}
