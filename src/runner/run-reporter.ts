/**
 * Speaks for a running attempt to its job: passes reports on, at most one a second, and renews the lease.
 * It also listens: when the job says that the attempt no longer counts, `signal` aborts.
 */

import { truncateBytes } from "../core/failure.ts";
import { LOG_LINES_MAX, type LogLevel, type LogLine, type Progress, type Report } from "../core/job.ts";
import { LOG_BYTES_MAX } from "../core/progress.ts";
import { now, sleep } from "../lib/runtime.ts";
import type { JobApi, RunAnswer, RunRejection } from "../rpc/job.ts";
import { keepWorkerSocket } from "./worker-socket.ts";

/** News is stored at most every second and every 300th part of the slice: a write is money, and nobody reads faster. */
const REPORT_INTERVAL_MS = 1_000;
const REPORTS_PER_RUN = 300;

/** Lines that one report carries; with 4 KiB each it stays far below what a row or a call may hold. */
const LINES_PER_REPORT = 50;

/** More than all lines a job keeps; the rest would be lost to a job that cannot be reached anyway. */
const CLOSING_REPORTS_MAX = LOG_LINES_MAX / LINES_PER_REPORT + 5;

/** Without news the lease is asked after this often; without a line, also how soon a cancellation is heard. */
const HEARTBEAT_MS = 10_000;

/** How long the job goes without a word before it takes the worker for lost, or its code for hanging. */
type LeaseTimings = { leaseMs: number; heartbeatTimeoutMs: number | null };

export type RunReporter = ReturnType<typeof openRunReporter>;

/** Starts speaking for the attempt that holds `lease`; `api` gives a fresh stub for every call. */
export function openRunReporter(
  api: () => JobApi,
  lease: string,
  { leaseMs, heartbeatTimeoutMs }: LeaseTimings,
) {
  const stopped = new AbortController();
  const aborted = new AbortController();
  const heartbeatMs = Math.min(HEARTBEAT_MS, leaseMs / 3, (heartbeatTimeoutMs ?? leaseMs) / 3);
  let progress: Progress | null = null;
  let logs: LogLine[] = [];
  let isHeartbeat = false;
  const startedAt = now();
  let lines = 0;
  let sentAt = startedAt - REPORT_INTERVAL_MS;
  let lastHeartbeatAt = now();
  let sending = Promise.resolve();
  let wake = new AbortController();
  let rejection: RunRejection["reason"] | null = null;

  const hasPending = () => progress !== null || logs.length > 0;
  const reportIntervalMs = () => Math.max(REPORT_INTERVAL_MS, (now() - startedAt) / REPORTS_PER_RUN);

  function take(): Report {
    const report = { progress, logs: logs.slice(0, LINES_PER_REPORT) };
    progress = null;
    logs = logs.slice(LINES_PER_REPORT);
    return report;
  }

  /** What could not be delivered is said again a second later, unless newer progress has come. */
  function putBack(report: Report): void {
    progress ??= report.progress;
    logs = [...report.logs, ...logs];
  }

  function onReply(answer: RunAnswer): void {
    lastHeartbeatAt = now();
    if (answer.ok || rejection) return;
    rejection = answer.reason;
    aborted.abort(new DOMException("This attempt no longer counts.", "AbortError"));
  }

  /** One report at a time: two under way could overtake each other, and the later hide the earlier. */
  function send(): Promise<void> {
    sending = sending.then(sendNext);
    return sending;
  }

  async function sendNext(): Promise<void> {
    const report = take();
    const wasAlive = isHeartbeat;
    isHeartbeat = false;
    sentAt = now();
    try {
      onReply(await api().report(lease, report, wasAlive));
    } catch {
      putBack(report);
      isHeartbeat ||= wasAlive;
      sentAt = now() - (hasPending() ? reportIntervalMs() : heartbeatMs) + REPORT_INTERVAL_MS;
      const isLeaseOver = now() - lastHeartbeatAt > leaseMs / 2;
      if (isLeaseOver) onReply({ ok: false, reason: "stale" });
    }
  }

  async function sendReports(): Promise<void> {
    while (!stopped.signal.aborted && !aborted.signal.aborted) {
      const waitMs = sentAt + (hasPending() ? reportIntervalMs() : heartbeatMs) - now();
      wake = new AbortController();
      if (waitMs > 0) await sleep(waitMs, AbortSignal.any([wake.signal, stopped.signal]));
      const isDue = now() - sentAt >= (hasPending() ? reportIntervalMs() : heartbeatMs);
      if (isDue && !stopped.signal.aborted) await send();
    }
  }

  const over = AbortSignal.any([stopped.signal, aborted.signal]);
  const loops = Promise.all([sendReports(), keepWorkerSocket(api, lease, over, onReply, send)]);

  return {
    /** Aborts when the attempt no longer counts. */
    signal: aborted.signal,
    /** Why it no longer counts; null while it does. */
    rejection: () => rejection,
    progress(news: Progress): void {
      const isFirst = !hasPending();
      progress = news;
      isHeartbeat = true;
      if (isFirst) wake.abort();
    },
    log(level: LogLevel, message: string): void {
      lines += 1;
      if (lines > LOG_LINES_MAX + 1) return;
      const isFirst = !hasPending();
      logs.push({ number: lines, level, message: truncateBytes(message, LOG_BYTES_MAX) });
      isHeartbeat = true;
      if (isFirst) wake.abort();
    },
    heartbeat(): void {
      isHeartbeat = true;
    },
    onReply,
    /** Stops speaking; answers what was not yet said, for the outcome to carry. */
    async close(): Promise<Report> {
      stopped.abort();
      await loops;
      for (let tries = 0; logs.length > LINES_PER_REPORT && tries < CLOSING_REPORTS_MAX; tries += 1)
        await send();
      return take();
    },
  };
}
