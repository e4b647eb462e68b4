/**
 * Sends the reports of a running attempt to its job and renews the lease. When the job replies that the attempt no
 * longer counts, `signal` aborts.
 */

import { LOG_LINES_MAX, type LogLevel, type Progress, type Report } from "../core/job.ts";
import { now, sleep } from "../lib/runtime.ts";
import type { JobApi, RunAnswer, RunRejection } from "../rpc/job.ts";
import { LINES_PER_REPORT, PendingReport } from "./pending-report.ts";
import { keepWorkerSocket } from "./worker-socket.ts";

/** Reports are sent at most every second and every 300th part of the job's run time, because each costs a write. */
const REPORT_INTERVAL_MS = 1_000;
const REPORTS_PER_RUN_TIME = 300;

/** Enough for all lines a job keeps, and a few failures. */
const CLOSING_REPORTS_MAX = LOG_LINES_MAX / LINES_PER_REPORT + 5;

/** The lease is renewed at least this often. Without a worker socket, a cancellation is noticed this late. */
const HEARTBEAT_MS = 10_000;

/** How long the job waits for a report before it considers the worker lost, or its code stuck. Milliseconds. */
type LeaseTimings = { leaseMs: number; heartbeatTimeoutMs: number | null };

/** `runTimeMs` is how long the job had been running when this run began, earlier attempts included. */
type ReporterOptions = LeaseTimings & { runTimeMs: number };

export class RunReporter {
  readonly #api: () => JobApi;
  readonly #lease: string;
  readonly #leaseMs: number;
  readonly #heartbeatMs: number;
  readonly #pending = new PendingReport();
  readonly #startedAt = now();
  readonly #rejected = new AbortController();
  /** Aborts when the attempt is rejected or the reporter is closed. */
  readonly #finished = new AbortController();
  readonly #loops: Promise<unknown>;
  readonly #jobStartedAt: number;
  #sentAt = this.#startedAt - REPORT_INTERVAL_MS;
  /** After a failed report: when to try again. */
  #retryAt: number | null = null;
  #repliedAt = this.#startedAt;
  #sending = Promise.resolve();
  #wake = new AbortController();
  #rejection: RunRejection["reason"] | null = null;

  /** Starts reporting for the attempt that holds `lease`; `api` returns a fresh stub for every call. */
  constructor(api: () => JobApi, lease: string, { leaseMs, heartbeatTimeoutMs, runTimeMs }: ReporterOptions) {
    this.#api = api;
    this.#lease = lease;
    this.#leaseMs = leaseMs;
    this.#jobStartedAt = this.#startedAt - runTimeMs;
    this.#heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3, (heartbeatTimeoutMs ?? leaseMs) / 3);
    const socket = {
      api,
      lease,
      finished: this.#finished.signal,
      onRejection: (rejection: RunRejection) => this.onReply(rejection),
      renew: () => this.#send(),
    };
    this.#loops = Promise.all([this.#sendReports(), keepWorkerSocket(socket)]);
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
    this.#finished.abort();
  }

  /** Stops reporting and returns what was not sent yet, to go along with the outcome. */
  async close(): Promise<Report> {
    this.#finished.abort();
    await this.#loops;
    for (let reports = 0; this.#pending.exceedsOneReport && reports < CLOSING_REPORTS_MAX; reports += 1)
      await this.#send();
    return this.#pending.take().report;
  }

  #add(change: () => void): void {
    const wasEmpty = this.#pending.isEmpty;
    change();
    if (wasEmpty) this.#wake.abort();
  }

  /** When the next report is due: soon if something is pending, else at the next heartbeat. */
  #nextReportAt(): number {
    if (this.#retryAt !== null) return this.#retryAt;
    const intervalMs = Math.max(REPORT_INTERVAL_MS, (now() - this.#jobStartedAt) / REPORTS_PER_RUN_TIME);
    return (
      this.#sentAt + (this.#pending.isEmpty ? this.#heartbeatMs : Math.min(intervalMs, this.#heartbeatMs))
    );
  }

  async #sendReports(): Promise<void> {
    const finished = this.#finished.signal;
    while (!finished.aborted) {
      this.#wake = new AbortController();
      const waitMs = this.#nextReportAt() - now();
      if (waitMs > 0) await sleep(waitMs, AbortSignal.any([this.#wake.signal, finished]));
      if (now() >= this.#nextReportAt() && !finished.aborted) await this.#send();
    }
  }

  /** Sends one report at a time: of two at once, the later could overtake the earlier. */
  #send(): Promise<void> {
    this.#sending = this.#sending.then(() => this.#sendNext());
    return this.#sending;
  }

  async #sendNext(): Promise<void> {
    const taken = this.#pending.take();
    this.#sentAt = now();
    this.#retryAt = null;
    try {
      this.onReply(await this.#api().report(this.#lease, taken.report, taken.isHeartbeat));
    } catch {
      this.#pending.putBack(taken);
      this.#retryAt = now() + REPORT_INTERVAL_MS;
      const isLeaseOver = now() - this.#repliedAt > this.#leaseMs / 2;
      if (isLeaseOver) this.onReply({ ok: false, reason: "stale" });
    }
  }
}
