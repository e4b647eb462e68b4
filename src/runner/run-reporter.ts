/**
 * Sends the reports of a running attempt to its job: over the worker socket while it is open, otherwise by calls. Both
 * renew the lease. When the job replies that the attempt no longer counts, `signal` aborts.
 */

import { LOG_LINES_MAX, type LogLevel, type Progress, type Report } from "../core/job.ts";
import { now, sleep } from "../lib/runtime.ts";
import { type JobApi, pingOf, type RunAnswer, type RunRejection, type SocketReply } from "../rpc/job.ts";
import { LINES_PER_REPORT, PendingReport } from "./pending-report.ts";
import { keepWorkerSocket } from "./worker-socket.ts";

/**
 * Log lines, and progress without a socket, are sent at most every second and every 300th part of the job's run time,
 * because each such report costs a write. Over the socket, the job says how often it wants progress.
 */
const REPORT_INTERVAL_MS = 1_000;
const REPORTS_PER_RUN_TIME = 300;

/** Enough for all lines a job keeps, and a few failures. */
const CLOSING_REPORTS_MAX = LOG_LINES_MAX / LINES_PER_REPORT + 5;

/** The worker pings at least this often. Without a worker socket, a cancellation is noticed this late. */
const HEARTBEAT_MS = 10_000;

/** How long the job waits for a report before it considers the worker lost, or its code stuck. Milliseconds. */
type LeaseTimings = { leaseMs: number; heartbeatTimeoutMs: number | null };

/** `runTimeMs` is how long the job had been running when this run began, earlier attempts included. */
type ReporterOptions = LeaseTimings & { runTimeMs: number };

export class RunReporter {
  readonly #api: () => JobApi;
  readonly #lease: string;
  readonly #timings: LeaseTimings;
  readonly #heartbeatMs: number;
  readonly #pending = new PendingReport();
  readonly #startedAt = now();
  readonly #rejected = new AbortController();
  /** Aborts when nothing more is to be reported but the outcome. */
  readonly #drained = new AbortController();
  /** Aborts when the run is over. */
  readonly #finished = new AbortController();
  readonly #reporting: Promise<void>;
  readonly #connected: Promise<void>;
  readonly #jobStartedAt: number;
  /** The open socket, if the job takes reports over it. */
  #socket: WebSocket | null = null;
  /** How often the job wants progress over the socket, and more often until then. Milliseconds. */
  #paceMs = REPORT_INTERVAL_MS;
  #livelyUntil = 0;
  #sentAt = this.#startedAt - REPORT_INTERVAL_MS;
  /** After a failed report: when to try again. */
  #retryAt: number | null = null;
  #repliedAt = this.#startedAt;
  #sending = Promise.resolve();
  #wake = new AbortController();
  #rejection: RunRejection["reason"] | null = null;

  /** Starts reporting for the attempt that holds `lease`; `api` returns a fresh stub for every call. */
  constructor(api: () => JobApi, lease: string, { runTimeMs, ...timings }: ReporterOptions) {
    const { leaseMs, heartbeatTimeoutMs } = timings;
    this.#api = api;
    this.#lease = lease;
    this.#timings = timings;
    this.#jobStartedAt = this.#startedAt - runTimeMs;
    this.#heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3, (heartbeatTimeoutMs ?? leaseMs) / 3);
    this.#reporting = this.#sendReports();
    this.#connected = keepWorkerSocket({
      api,
      lease,
      finished: this.#finished.signal,
      onReopen: () => void this.#send(),
      onReply: (socket, reply) => this.#onSocketReply(socket, reply),
      onRejection: (rejection) => this.onReply(rejection),
      onClosed: () => this.#onClosed(),
    });
  }

  /** Aborts when the attempt no longer counts. */
  get signal(): AbortSignal {
    return this.#rejected.signal;
  }

  /** Why the attempt no longer counts; null while it does. */
  get rejection(): RunRejection["reason"] | null {
    return this.#rejection;
  }

  progress(progress: Progress): void {
    this.#add(() => this.#pending.setProgress(progress));
  }

  log(level: LogLevel, message: string): void {
    this.#add(() => this.#pending.addLine(level, message));
  }

  heartbeat(): void {
    this.#pending.addHeartbeat();
  }

  /** Takes note of a reply of the job, whichever call it answers. */
  onReply(answer: RunAnswer): void {
    this.#repliedAt = now();
    if (answer.ok || this.#rejection) return;
    this.#rejection = answer.reason;
    this.#rejected.abort(new DOMException("This attempt no longer counts.", "AbortError"));
    this.#drained.abort();
    this.#finished.abort();
  }

  /** Stops reporting and returns what the job may not have, to go along with the outcome. The lease stays alive. */
  async drain(): Promise<Report> {
    this.#drained.abort();
    await this.#reporting;
    await this.#sending;
    this.#pending.putBackSent();
    for (let reports = 0; this.#pending.exceedsOneReport && reports < CLOSING_REPORTS_MAX; reports += 1)
      await this.#enqueue(() => this.#call());
    return this.#pending.take().report;
  }

  /** Ends the run: closes the socket. */
  async close(): Promise<void> {
    this.#drained.abort();
    this.#finished.abort();
    await Promise.all([this.#reporting, this.#connected]);
  }

  #add(change: () => void): void {
    const wasEmpty = !this.#pending.hasProgress && !this.#pending.hasLogs;
    const hadLogs = this.#pending.hasLogs;
    change();
    if (wasEmpty || (!hadLogs && this.#pending.hasLogs)) this.#wake.abort();
  }

  /** When the next report is due: soon if something is pending, else at the next heartbeat. */
  #nextReportAt(): number {
    if (this.#retryAt !== null) return this.#retryAt;
    return this.#sentAt + Math.min(this.#heartbeatMs, this.#intervalMs());
  }

  /** How long after the last report what is pending is sent. */
  #intervalMs(): number {
    const { hasProgress, hasLogs } = this.#pending;
    if (!hasProgress && !hasLogs) return this.#heartbeatMs;
    if (this.#socket && !hasLogs) return now() < this.#livelyUntil ? REPORT_INTERVAL_MS : this.#paceMs;
    return Math.max(REPORT_INTERVAL_MS, (now() - this.#jobStartedAt) / REPORTS_PER_RUN_TIME);
  }

  async #sendReports(): Promise<void> {
    const drained = this.#drained.signal;
    while (!drained.aborted) {
      this.#wake = new AbortController();
      const waitMs = this.#nextReportAt() - now();
      if (waitMs > 0) await sleep(waitMs, AbortSignal.any([this.#wake.signal, drained]));
      if (now() >= this.#nextReportAt() && !drained.aborted) await this.#send();
    }
  }

  /** One report at a time: of two at once, the later could overtake the earlier. */
  #send(): Promise<void> {
    return this.#enqueue(async () => {
      this.#dropSilentSocket();
      if (this.#socket) this.#say(this.#socket);
      else await this.#call();
    });
  }

  #enqueue(send: () => Promise<void>): Promise<void> {
    this.#sending = this.#sending.then(send);
    return this.#sending;
  }

  /** Reports by a call. */
  async #call(): Promise<void> {
    const taken = this.#pending.take();
    this.#noteSending();
    try {
      this.onReply(await this.#api().report(this.#lease, taken.report, taken.isHeartbeat));
    } catch {
      this.#pending.putBack(taken);
      this.#retryAt = now() + REPORT_INTERVAL_MS;
      const isLeaseOver = now() - this.#repliedAt > this.#timings.leaseMs / 2;
      if (isLeaseOver) this.onReply({ ok: false, reason: "stale" });
    }
  }

  /** Reports over the socket, without waiting. A heartbeat of the code matters only if a timeout waits for it. */
  #say(socket: WebSocket): void {
    this.#noteSending();
    const { hasProgress, hasLogs, hasHeartbeat } = this.#pending;
    const isTimed = hasHeartbeat && this.#timings.heartbeatTimeoutMs !== null;
    const isReport = hasProgress || hasLogs || isTimed;
    if (!isReport || now() - this.#repliedAt > this.#timings.leaseMs / 2)
      trySend(socket, pingOf(this.#lease));
    if (!isReport) return;
    const taken = this.#pending.take();
    this.#pending.noteSent(taken.report);
    trySend(socket, JSON.stringify(taken));
  }

  #noteSending(): void {
    this.#sentAt = now();
    this.#retryAt = null;
  }

  /** A ping is answered at once; a socket that brings no answer has broken unnoticed. */
  #dropSilentSocket(): void {
    if (this.#socket && now() - this.#repliedAt > this.#timings.leaseMs) this.#onClosed();
  }

  /** From its first word on the pace, the job takes reports over the socket. */
  #onSocketReply(socket: WebSocket, reply: SocketReply | null): void {
    this.#repliedAt = now();
    if (reply && "ok" in reply) this.onReply(reply);
    if (reply && "storedLine" in reply) this.#pending.confirm(reply.storedLine);
    if (reply && "paceMs" in reply) {
      this.#socket = socket;
      if (reply.forMs === undefined) this.#paceMs = reply.paceMs;
      else this.#livelyUntil = now() + reply.forMs;
      this.#wake.abort();
    }
  }

  /** What went over it may be lost. */
  #onClosed(): void {
    this.#socket = null;
    this.#add(() => this.#pending.putBackSent());
  }
}

/** A socket that is just closing says so by itself. */
function trySend(socket: WebSocket, text: string): void {
  try {
    socket.send(text);
  } catch {
    // What was sent over it is sent again.
  }
}
