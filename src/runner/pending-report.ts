/** What the code of a running attempt has reported and the job has not received yet. */

import { truncateBytes } from "../core/failure.ts";
import { LOG_LINES_MAX, type LogLevel, type LogLine, type Progress, type Report } from "../core/job.ts";
import { LOG_BYTES_MAX } from "../core/progress.ts";

/** With 4 KiB a line, a report of so many stays far below what a row or a call may hold. */
export const LINES_PER_REPORT = 50;

export class PendingReport {
  #progress: Progress | null = null;
  #logs: LogLine[] = [];
  #lineCount = 0;
  #isHeartbeat = false;

  get isEmpty(): boolean {
    return this.#progress === null && this.#logs.length === 0;
  }

  /** Whether more log lines wait than the next report carries. */
  get exceedsOneReport(): boolean {
    return this.#logs.length > LINES_PER_REPORT;
  }

  setProgress(progress: Progress): void {
    this.#progress = progress;
    this.#isHeartbeat = true;
  }

  /** Lines beyond those a job keeps are dropped; one more tells the job that there were more. */
  addLine(level: LogLevel, message: string): void {
    this.#lineCount += 1;
    if (this.#lineCount > LOG_LINES_MAX + 1) return;
    this.#logs.push({ number: this.#lineCount, level, message: truncateBytes(message, LOG_BYTES_MAX) });
    this.#isHeartbeat = true;
  }

  addHeartbeat(): void {
    this.#isHeartbeat = true;
  }

  /** Removes the next report, and whether the code gave a heartbeat since the last one. */
  take(): { report: Report; isHeartbeat: boolean } {
    const report = { progress: this.#progress, logs: this.#logs.slice(0, LINES_PER_REPORT) };
    const isHeartbeat = this.#isHeartbeat;
    this.#progress = null;
    this.#logs = this.#logs.slice(LINES_PER_REPORT);
    this.#isHeartbeat = false;
    return { report, isHeartbeat };
  }

  /** Puts a report back that could not be sent. Newer progress supersedes its progress. */
  putBack({ report, isHeartbeat }: { report: Report; isHeartbeat: boolean }): void {
    this.#progress ??= report.progress;
    this.#logs = [...report.logs, ...this.#logs];
    this.#isHeartbeat ||= isHeartbeat;
  }
}
