/** Applies the reports of a running attempt: progress, log lines, heartbeats. Never changes a status. */

import { bumpVersion, type Change, createChange } from "./change.ts";
import { truncate, truncateBytes } from "./failure.ts";
import { type EventBody, type Job, LOG_LINES_MAX, type LogLine, type Progress, type Report } from "./job.ts";

/** Longer texts are cut, because every event is stored. */
export const LOG_BYTES_MAX = 4096;
const PROGRESS_CHARS_MAX = 500;

/** A progress event at most every second, and at most every 300th part of the running time. */
const PROGRESS_EVENT_MS = 1_000;
const PROGRESS_EVENTS_PER_RUNTIME = 300;

/**
 * Applies a report. `last` says that no report follows in this run: then stored progress is published, so that the
 * last value is never lost.
 */
export function applyReport(job: Job, report: Report, now: number, last: boolean): Change {
  const logged = applyLogs(job, report.logs);
  const progress = report.progress && sanitizeProgress(report.progress);
  const isChanged = progress !== null && !isSameProgress(progress, job.progress);
  const updated = isChanged
    ? bumpVersion(logged.job, { progress: { ...progress, at: now }, isProgressPublished: false }, now)
    : logged.job;
  const isPublishing = !updated.isProgressPublished && (last || isProgressDue(updated, now));
  if (updated.progress === null || !isPublishing) return createChange(updated, now, logged.events);
  const { at: _, ...published } = updated.progress;
  return createChange({ ...updated, isProgressPublished: true, progressPublishedAt: now }, now, [
    ...logged.events,
    { type: "job.progress", progress: published },
  ]);
}

/** Publishes progress that was stored but not published, because no report follows. */
export function flushProgress(job: Job, now: number): Change {
  return applyReport(job, { progress: null, logs: [] }, now, true);
}

/** `floor(current / total)` in percent, 100 only when all is done, null when the total is not known. */
export function progressPercent(progress: Progress): number | null {
  const { current, total } = progress;
  if (current === null || total === null) return null;
  if (current === total) return 100;
  return Math.min(Math.floor((current * 100) / total), 99);
}

/** What is not a count is none, and a total that has been passed was no total: better none than a wrong one. */
function sanitizeProgress(progress: Progress): Progress {
  const short = (text: string | null) => text && truncate(text, PROGRESS_CHARS_MAX);
  const { unit, stage, message } = progress;
  const [current, total] = [sanitizeCount(progress.current), sanitizeCount(progress.total)];
  const isPassed = current !== null && total !== null && current > total;
  return {
    current,
    total: isPassed ? null : total,
    unit: short(unit),
    stage: short(stage),
    message: short(message),
  };
}

function isSameProgress(progress: Progress, previous: Progress | null): boolean {
  return (
    previous !== null &&
    (Object.keys(progress) as (keyof Progress)[]).every((name) => progress[name] === previous[name])
  );
}

function sanitizeCount(value: number | null): number | null {
  return value !== null && Number.isFinite(value) && value >= 0 ? value : null;
}

function isProgressDue(job: Job, now: number): boolean {
  const runTimeMs = now - (job.attempts[0]?.startedAt ?? now);
  return (
    now - job.progressPublishedAt >= Math.max(PROGRESS_EVENT_MS, runTimeMs / PROGRESS_EVENTS_PER_RUNTIME)
  );
}

function applyLogs(job: Job, lines: readonly LogLine[]): { job: Job; events: EventBody[] } {
  const kept = lines
    .filter(({ number }) => number > job.lastLogNumber)
    .slice(0, LOG_LINES_MAX - job.logLines);
  const last = kept.at(-1);
  if (!last) return { job, events: [] };
  const attempt = job.attempts.length;
  const logLines = job.logLines + kept.length;
  const events: EventBody[] = kept.map(({ level, message }) => ({
    type: "job.log",
    level,
    message: truncateBytes(message, LOG_BYTES_MAX),
    attempt,
  }));
  if (logLines === LOG_LINES_MAX) {
    const message = `Further log lines are not kept: a job keeps ${LOG_LINES_MAX}.`;
    events.push({ type: "job.log", level: "warn", message, attempt });
  }
  return { job: { ...job, logLines, lastLogNumber: last.number }, events };
}
