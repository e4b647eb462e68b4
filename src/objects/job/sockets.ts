/**
 * The sockets of a job object: subscribers, and the worker of the running attempt. They are hibernatable, so the
 * object sleeps while nothing happens. What an eviction would lose of a worker's reports is in its socket's attachment.
 */

import { clearHeldReport, type HeldReport, openHeldReport } from "../../core/held-report.ts";
import { isFinished, type Job, type JobEvent } from "../../core/job.ts";
import { rejectionReason } from "../../core/lease.ts";
import { SECOND } from "../../core/time.ts";
import { random } from "../../lib/runtime.ts";
import { NORMAL_CLOSURE } from "../../lib/socket.ts";
import { pingOf, type SocketReply } from "../../rpc/job.ts";
import { type EventView, type TransientView, toEventView, toTransientView } from "../../rpc/views.ts";

const SUBSCRIBER_TAG = "subscriber";
const WORKER_TAG = "worker";
/** Of workers that report over their socket. */
const REPORTING_TAG = "reporting worker";

/** Of requests of a remote worker that wait for the end of its run. */
const watcherTag = (lease: string) => `watcher ${lease}`;
const WATCHER_TAG = "watcher";

/** Further subscribers are asked to come back later, because each costs a message per event. */
export const SUBSCRIBERS_MAX = 100;
/** A credential leaves room for others. */
export const SUBSCRIBERS_PER_CREDENTIAL_MAX = 50;

/** How often progress is wanted without and with a subscriber: each report is billed. */
const IDLE_PACE_MS = 10 * SECOND;
const LIVE_PACE_MS = SECOND;
/** A client that reads the job probably reads it again. */
const READ_INTEREST_MS = 30 * SECOND;

/** The subscribers and the worker socket of one job object. */
export class JobSockets {
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /**
   * Returns 101 with a socket that sends `missed` and then every further event, 204 if no event can follow, and
   * 503 if there are too many subscribers, in all or with this credential.
   */
  subscribe(job: Job, missed: readonly JobEvent[], credential: string): Response {
    if (isFinished(job) && missed.length === 0) return new Response(null, { status: 204 });
    const own = `${SUBSCRIBER_TAG} ${credential}`;
    if (this.#isFull(SUBSCRIBER_TAG, SUBSCRIBERS_MAX) || this.#isFull(own, SUBSCRIBERS_PER_CREDENTIAL_MAX))
      return new Response(null, { status: 503 });
    const { client, server } = this.#accept(SUBSCRIBER_TAG, own);
    send(server, missed.map(toEventView));
    const progress = this.heldOf(job)?.progress;
    if (progress) send(server, [toTransientView(progress)]);
    if (isFinished(job)) server.close(NORMAL_CLOSURE, "The job has finished.");
    else if (this.#ctx.getWebSockets(SUBSCRIBER_TAG).length === 1) this.#sayPace({ paceMs: LIVE_PACE_MS });
    return new Response(null, { status: 101, webSocket: client });
  }

  /**
   * The worker socket of the running attempt: it takes over from an older one of the same attempt. A worker that
   * reports over it receives the pace; one of the deployment before only listens.
   */
  attachWorker(job: Job, lease: string, now: number, isReporting: boolean): Response {
    const held = { ...(this.heldOf(job) ?? openHeldReport(lease, now, random())), aliveAt: now };
    for (const older of this.#workers()) this.#dismiss(older);
    const { client, server } = this.#accept(WORKER_TAG, ...(isReporting ? [REPORTING_TAG] : []));
    server.serializeAttachment(held);
    const word = pingOf(lease);
    this.#ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(word, word));
    const hasSubscriber = this.#ctx.getWebSockets(SUBSCRIBER_TAG).length > 0;
    this.#sayPace({ paceMs: hasSubscriber ? LIVE_PACE_MS : IDLE_PACE_MS });
    return new Response(null, { status: 101, webSocket: client });
  }

  /** A request that waits for the end of the run with this lease. */
  watch(lease: string): Response {
    const { client } = this.#accept(WATCHER_TAG, watcherTag(lease));
    return new Response(null, { status: 101, webSocket: client });
  }

  /** What the socket of the job's running attempt holds; null without one. */
  heldOf({ phase }: Job): HeldReport | null {
    if (!("lease" in phase)) return null;
    const worker = this.#workers().find((socket) => attached(socket)?.lease === phase.lease);
    return worker ? this.heldBy(worker) : null;
  }

  /** What this socket holds; null for a subscriber's, or one that another has taken over from. */
  heldBy(socket: WebSocket): HeldReport | null {
    const held = attached(socket);
    const answeredAt = this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    return held && { ...held, aliveAt: Math.max(held.aliveAt, answeredAt) };
  }

  /** Keeps progress in the socket's attachment, and tells it to the subscribers if it is new. */
  hold(socket: WebSocket, held: HeldReport): void {
    const isNews = held.number !== attached(socket)?.number;
    socket.serializeAttachment(held);
    if (isNews && held.progress) this.#tell([toTransientView(held.progress)]);
  }

  /** Tells stored events to the subscribers, and a rejection to workers whose attempt no longer counts. */
  publish(job: Job, events: readonly JobEvent[]): void {
    for (const worker of this.#workers()) this.#update(worker, job);
    this.#tellWatchers(job);
    if (events.length === 0) return;
    this.#tell(events.map(toEventView));
    if (!isFinished(job)) return;
    for (const subscriber of this.#ctx.getWebSockets(SUBSCRIBER_TAG))
      ignoringClosedSocket(() => subscriber.close(NORMAL_CLOSURE, "The job has finished."));
  }

  /** The log lines of the attempt are stored up to this one. */
  confirm(socket: WebSocket, storedLine: number): void {
    reply(socket, { storedLine });
  }

  /** To be called when a client has read the job: for a while, progress is wanted more often. */
  onRead(): void {
    this.#sayPace({ paceMs: LIVE_PACE_MS, forMs: READ_INTEREST_MS });
  }

  /** To be called when a socket has closed: without subscribers, progress is wanted less often. */
  onClosed(socket: WebSocket): void {
    if (attached(socket)) return;
    const others = this.#ctx.getWebSockets(SUBSCRIBER_TAG).filter((other) => other !== socket);
    if (others.length === 0) this.#sayPace({ paceMs: IDLE_PACE_MS });
  }

  /** Whether the attempt of this socket has another one. */
  isReplaced(socket: WebSocket, { lease }: HeldReport): boolean {
    return this.#workers().some((other) => other !== socket && attached(other)?.lease === lease);
  }

  #tellWatchers(job: Job): void {
    for (const watcher of this.#ctx.getWebSockets(WATCHER_TAG)) {
      const lease = this.#ctx.getTags(watcher)[1]?.slice(watcherTag("").length) ?? "";
      const reason = rejectionReason(job, lease);
      if (reason === null) continue;
      ignoringClosedSocket(() => watcher.send(JSON.stringify({ reason, status: job.phase.status })));
      ignoringClosedSocket(() => watcher.close(NORMAL_CLOSURE));
    }
  }

  #update(worker: WebSocket, job: Job): void {
    const held = attached(worker);
    const reason = held && rejectionReason(job, held.lease);
    if (!held) return;
    if (reason) {
      reply(worker, { ok: false, reason });
      this.#dismiss(worker);
    } else if (held.heartbeatAt !== null || held.progress) worker.serializeAttachment(clearHeldReport(held));
  }

  #dismiss(worker: WebSocket): void {
    worker.serializeAttachment(null);
    ignoringClosedSocket(() => worker.close(NORMAL_CLOSURE));
  }

  #sayPace(pace: SocketReply): void {
    for (const worker of this.#ctx.getWebSockets(REPORTING_TAG)) reply(worker, pace);
  }

  #tell(events: readonly (EventView | TransientView)[]): void {
    for (const subscriber of this.#ctx.getWebSockets(SUBSCRIBER_TAG)) send(subscriber, events);
  }

  #workers(): WebSocket[] {
    return this.#ctx.getWebSockets(WORKER_TAG);
  }

  #isFull(tag: string, max: number): boolean {
    return this.#ctx.getWebSockets(tag).length >= max;
  }

  #accept(...tags: string[]): { client: WebSocket; server: WebSocket } {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, tags);
    return { client, server };
  }
}

/** Null for a subscriber. */
function attached(socket: WebSocket): HeldReport | null {
  return (socket.deserializeAttachment() as HeldReport | null) ?? null;
}

function send(socket: WebSocket, events: readonly (EventView | TransientView)[]): void {
  for (const event of events) ignoringClosedSocket(() => socket.send(JSON.stringify(event)));
}

function reply(worker: WebSocket, message: SocketReply): void {
  ignoringClosedSocket(() => worker.send(JSON.stringify(message)));
}

/** A send to a socket that is just closing may fail; its other end notices by itself. */
export function ignoringClosedSocket(act: () => void): void {
  try {
    act();
  } catch {
    // The socket is gone.
  }
}
