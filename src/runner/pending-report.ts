/** What the code of a running attempt has reported and the job has not stored yet. */

import { truncateBytes } from "../core/failure.ts";
import { LOG_LINES_MAX, type LogLevel, type LogLine, type Progress, type Report } from "../core/job.ts";
import { LOG_BYTES_MAX } from "../core/progress.ts";
import type { SocketReport } from "../rpc/job.ts";

/** With 4 KiB a line, a report of so many stays far below what a row, a call or a message may hold. */
export const LINES_PER_REPORT = 50;

export class PendingReport {
  #progress: Progress | null = null;
  #logs: LogLine[] = [];
  #lineCount = 0;
  #isHeartbeat = false;
  /** Sent over the socket: the latest progress, and the lines that are not confirmed. */
  #sent: Report = { progress: null, logs: [] };

  get hasProgress(): boolean {
    return this.#progress !== null;
  }

  get hasLogs(): boolean {
    return this.#logs.length > 0;
  }

  /** Whether the code gave a heartbeat since the last report. */
  get hasHeartbeat(): boolean {
    return this.#isHeartbeat;
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
  take(): SocketReport {
    const report = { progress: this.#progress, logs: this.#logs.slice(0, LINES_PER_REPORT) };
    const isHeartbeat = this.#isHeartbeat;
    this.#progress = null;
    this.#logs = this.#logs.slice(LINES_PER_REPORT);
    this.#isHeartbeat = false;
    return { report, isHeartbeat };
  }

  /** Puts a report back that could not be sent. Newer progress supersedes its progress. */
  putBack({ report, isHeartbeat }: SocketReport): void {
    this.#progress ??= report.progress;
    this.#logs = [...report.logs, ...this.#logs];
    this.#isHeartbeat ||= isHeartbeat;
  }

  /** Notes that a report went over the socket: it may be lost with it. */
  noteSent({ progress, logs }: Report): void {
    this.#sent = { progress: progress ?? this.#sent.progress, logs: [...this.#sent.logs, ...logs] };
  }

  /** The lines of this attempt are stored up to this one. */
  confirm(storedLine: number): void {
    this.#sent = { ...this.#sent, logs: this.#sent.logs.filter(({ number }) => number > storedLine) };
  }

  /** Puts back what was sent over the socket and is not known to be stored. */
  putBackSent(): void {
    this.putBack({ report: this.#sent, isHeartbeat: false });
    this.#sent = { progress: null, logs: [] };
  }
}
