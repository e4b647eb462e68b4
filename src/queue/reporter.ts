/**
 * Speaks for a running attempt to its job: passes reports on, at most one a second, and renews the lease.
 * It also listens: when the job says that the attempt no longer counts, `signal` aborts.
 */

import { cutBytes } from "../core/failure.ts";
import { LOG_LINES_MAX, type LogLevel, type LogLine, type Progress, type Report } from "../core/job.ts";
import { LOG_BYTES_MAX } from "../core/report.ts";
import type { JobApi, RunAnswer, RunRefusal } from "../job/stub.ts";
import { now, pause } from "../lib/world.ts";
import { keepLine } from "./line.ts";

/** News is stored at most every second and every 300th part of the slice: a write is money, and nobody reads faster. */
const NEWS_MS = 1_000;
const NEWS_PER_SLICE = 300;

/** Lines that one report carries; with 4 KiB each it stays far below what a row or a call may hold. */
const LINES_PER_REPORT = 50;

/** More than all lines a job keeps; the rest would be lost to a job that cannot be reached anyway. */
const CLOSING_REPORTS_MAX = LOG_LINES_MAX / LINES_PER_REPORT + 5;

/** Without news the lease is asked after this often; without a line, also how soon a cancellation is heard. */
const BEAT_MS = 10_000;

/** How long the job goes without a word before it takes the worker for lost, or its code for hanging. */
type Patience = { leaseMs: number; silenceLimitMs: number | null };

export type Reporter = ReturnType<typeof openReporter>;

/** Starts speaking for the attempt that holds `lease`; `api` gives a fresh stub for every call. */
export function openReporter(api: () => JobApi, lease: string, { leaseMs, silenceLimitMs }: Patience) {
  const stopped = new AbortController();
  const aborted = new AbortController();
  const beatMs = Math.min(BEAT_MS, leaseMs / 3, (silenceLimitMs ?? leaseMs) / 3);
  let progress: Progress | null = null;
  let logs: LogLine[] = [];
  let alive = false;
  const startedAt = now();
  let lines = 0;
  let sentAt = startedAt - NEWS_MS;
  let heardAt = now();
  let sending = Promise.resolve();
  let nudge = new AbortController();
  let refusal: RunRefusal["why"] | null = null;

  const hasNews = () => progress !== null || logs.length > 0;
  const newsMs = () => Math.max(NEWS_MS, (now() - startedAt) / NEWS_PER_SLICE);

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

  function heed(answer: RunAnswer): void {
    heardAt = now();
    if (answer.ok || refusal) return;
    refusal = answer.why;
    aborted.abort(new DOMException("This attempt no longer counts.", "AbortError"));
  }

  /** One report at a time: two under way could overtake each other, and the later hide the earlier. */
  function send(): Promise<void> {
    sending = sending.then(sendNext);
    return sending;
  }

  async function sendNext(): Promise<void> {
    const report = take();
    const wasAlive = alive;
    alive = false;
    sentAt = now();
    try {
      heed(await api().report(lease, report, wasAlive));
    } catch {
      putBack(report);
      alive ||= wasAlive;
      sentAt = now() - (hasNews() ? newsMs() : beatMs) + NEWS_MS;
      const isLeaseOver = now() - heardAt > leaseMs / 2;
      if (isLeaseOver) heed({ ok: false, why: "stale" });
    }
  }

  async function speak(): Promise<void> {
    while (!stopped.signal.aborted && !aborted.signal.aborted) {
      const waitMs = sentAt + (hasNews() ? newsMs() : beatMs) - now();
      nudge = new AbortController();
      if (waitMs > 0) await pause(waitMs, AbortSignal.any([nudge.signal, stopped.signal]));
      const isDue = now() - sentAt >= (hasNews() ? newsMs() : beatMs);
      if (isDue && !stopped.signal.aborted) await send();
    }
  }

  const over = AbortSignal.any([stopped.signal, aborted.signal]);
  const speaking = Promise.all([speak(), keepLine(api, lease, over, heed, send)]);

  return {
    /** Aborts when the attempt no longer counts. */
    signal: aborted.signal,
    /** Why it no longer counts; null while it does. */
    refusal: () => refusal,
    progress(news: Progress): void {
      const isFirst = !hasNews();
      progress = news;
      alive = true;
      if (isFirst) nudge.abort();
    },
    log(level: LogLevel, message: string): void {
      lines += 1;
      if (lines > LOG_LINES_MAX + 1) return;
      const isFirst = !hasNews();
      logs.push({ number: lines, level, message: cutBytes(message, LOG_BYTES_MAX) });
      alive = true;
      if (isFirst) nudge.abort();
    },
    heartbeat(): void {
      alive = true;
    },
    heed,
    /** Stops speaking; answers what was not yet said, for the outcome to carry. */
    async close(): Promise<Report> {
      stopped.abort();
      await speaking;
      for (let tries = 0; logs.length > LINES_PER_REPORT && tries < CLOSING_REPORTS_MAX; tries += 1)
        await send();
      return take();
    },
  };
}
