/** Applies the reports of a running attempt: progress, log lines, heartbeats. Never changes a status. */

import { bumpVersion, type Change, createChange } from "./change.ts";
import { truncate, truncateBytes } from "./failure.ts";
import { type EventBody, type Job, LOG_LINES_MAX, type LogLine, type Progress, type Report } from "./job.ts";

/** Longer texts are cut, because every event is stored. */
export const LOG_BYTES_MAX = 4096;
const PROGRESS_CHARS_MAX = 500;

/** Stores and publishes what a report has that is new. */
export function applyReport(job: Job, report: Report, now: number): Change {
  const logged = applyLogs(job, report.logs);
  const progress = report.progress && sanitizeProgress(report.progress);
  if (progress === null || isSameProgress(progress, job.progress))
    return createChange(logged.job, now, logged.events);
  const updated = bumpVersion(logged.job, { progress: { ...progress, at: now } }, now);
  return createChange(updated, now, [...logged.events, { type: "job.progress", progress }]);
}

/** `floor(current / total)` in percent, 100 only when all is done, null when the total is not known. */
export function progressPercent(progress: Progress): number | null {
  const { current, total } = progress;
  if (current === null || total === null) return null;
  if (current === total) return 100;
  return Math.min(Math.floor((current * 100) / total), 99);
}

/** Drops negative or non-finite numbers, and a total smaller than `current`. */
export function sanitizeProgress(progress: Progress): Progress {
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

/** Whether a report says what is known. */
export function isSameProgress(progress: Progress, previous: Progress | null): boolean {
  return (
    previous !== null &&
    (Object.keys(progress) as (keyof Progress)[]).every((name) => progress[name] === previous[name])
  );
}

function sanitizeCount(value: number | null): number | null {
  return value !== null && Number.isFinite(value) && value >= 0 ? value : null;
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
