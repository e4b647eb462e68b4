/** What a job's fields mean in plain words. */

import { formatDuration } from "../lib/duration.ts";
import type { JobView } from "../rpc/views.ts";

/**
 * Text that a client or a job's code wrote, for a sentence of ours: its direction must not turn the sentence round
 * (Unicode Bidirectional Algorithm, FSI … PDI). It loses isolates of its own, which might be left open.
 */
export function isolate(text: string): string {
  return `\u2068${text.replace(/[\u2066-\u2069]/g, "")}\u2069`;
}

type AttemptView = JobView["attempts"][number];

/** Every status a job can have, in the order of a life. */
export const statuses = ["queued", "running", "succeeded", "failed", "cancelled"] as const;

/** Whether the job has not finished. */
export function isUnfinished({ status }: Pick<JobView, "status">): boolean {
  return status === "queued" || status === "running";
}

/** What the job does or why it ended, in one sentence. */
export function statusSentence(job: JobView): string {
  switch (job.status) {
    case "queued":
      return job.status_reason === "scheduled"
        ? "It is scheduled and has not begun yet."
        : "It is stored and waits for a worker; nothing needs to be done.";
    case "running":
      return runningSentence(job);
    case "succeeded":
      return job.attempt > 1 ? `It succeeded at attempt ${job.attempt}.` : "It succeeded.";
    case "failed":
      return failedSentence(job);
    case "cancelled":
      return cancelledSentence(job);
  }
}

function runningSentence({ status_reason, attempt, max_attempts, attempts }: JobView): string {
  switch (status_reason) {
    case "waiting_to_retry":
      return `Attempt ${attempt} of ${max_attempts} ${attemptEnding(attempts.at(-1))}; the next one follows by itself. The job has not failed.`;
    case "continuing":
      return `Attempt ${attempt} continues in a new run.`;
    default:
      return attempt > 1
        ? `Attempt ${attempt} of ${max_attempts} is running; the earlier ones did not succeed.`
        : "Its first attempt is running.";
  }
}

function failedSentence({ status_reason, attempt, max_attempts }: JobView): string {
  switch (status_reason) {
    case "attempts_exhausted":
      return `Each of its ${pluralize(attempt, "attempt")} failed for a reason that may pass, and no more are allowed. When the cause is gone, replay it.`;
    case "total_timeout":
      return `It did not succeed within its time limit, after ${pluralize(attempt, "attempt")}.`;
    default:
      return `Attempt ${attempt} of ${max_attempts} failed for a permanent reason, so it was not retried.`;
  }
}

function cancelledSentence({ status_reason, cancellation }: JobView): string {
  if (status_reason === "start_timeout")
    return "No attempt began in time, so it was cancelled and never ran.";
  const by = cancellation?.by === "system" ? "by the service" : "on request";
  const reason = cancellation?.reason ? `, with the reason “${isolate(cancellation.reason)}”` : "";
  const stopped = cancellation?.acknowledged_at
    ? "Nothing of it runs any more."
    : "Its code was asked to stop and has not confirmed it yet.";
  return `It was cancelled ${by}${reason}. ${stopped}`;
}

/** How an attempt ended, to be read after "attempt 2 …". */
export function attemptEnding(attempt: AttemptView | undefined): string {
  switch (attempt?.status) {
    case "running":
      return "is running";
    case "succeeded":
      return "succeeded";
    case "timed_out":
      return "took too long and was ended";
    case "lost":
      return "was lost: its worker vanished";
    case "cancelled":
      return "was cancelled";
    default:
      return "failed";
  }
}

const kindWords: Record<string, string> = {
  timeout: "Something took too long. That may pass.",
  rate_limited: "Something it depends on asked for fewer requests. That passes.",
  service_unavailable: "Something it depends on was not available. That may pass.",
  worker_lost: "The worker vanished in the middle. That passes.",
  invalid_input: "The input cannot be worked with. Correct it and submit a new job.",
  permission_denied: "A service it depends on denied access.",
  not_found: "Something it needs does not exist.",
  internal_error: "Something unforeseen happened in the job's code.",
};

/** What a failure of this kind means. */
export function kindSentence(kind: string): string {
  return kindWords[kind] ?? "";
}

/** Everything support needs to find the failure in the logs, as text to copy; null unless the job failed. */
export function supportText(job: JobView): string | null {
  if (!job.error) return null;
  const { code, message, kind, reference } = job.error;
  const lines = [
    `Job ${job.id} (${job.type}) failed at ${job.finished_at} after ${pluralize(job.attempt, "attempt")}.`,
    `Reason: ${job.status_reason}. Error: ${isolate(code)} (${kind}): ${isolate(message)}`,
    `Reference: ${reference}`,
  ];
  return lines.join("\n");
}

const eventWords: Record<string, string> = {
  "job.queued": "Accepted and stored",
  "job.started": "Attempt began",
  "job.progress": "Progress",
  "job.log": "Log",
  "job.attempt_failed": "Attempt failed",
  "job.continued": "Continues in a new run",
  "job.succeeded": "Succeeded",
  "job.failed": "Failed",
  "job.cancelled": "Cancelled",
};

/** An event's type in words. */
export function eventTitle(type: string): string {
  return eventWords[type] ?? type;
}

type ProgressView = NonNullable<JobView["progress"]>;

/** How far the work is, as far as is known: never a percentage that was not reported. */
export function progressSentence({
  current,
  total,
  unit,
  percent,
  stage,
  message,
}: Omit<ProgressView, "updated_at">) {
  const done = current === null ? null : amount(current, unit === "bytes");
  const all = total === null ? null : amount(total, unit === "bytes");
  const unitWord = unit === null || unit === "bytes" ? "" : ` ${isolate(unit)}`;
  const counted =
    done === null ? null : all === null ? `${done}${unitWord} so far` : `${done} of ${all}${unitWord}`;
  const said = [stage, message].map((text) => (text === null ? null : isolate(text)));
  const parts = [percent === null ? null : `${percent} %`, counted, ...said];
  return parts.filter((part) => part !== null).join(" · ");
}

function amount(value: number, isBytes: boolean): string {
  return isBytes ? formatBytes(value) : value.toLocaleString("en");
}

/** A number of bytes as people read it. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const step = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${value.toLocaleString("en", { maximumFractionDigits: step === 0 ? 0 : 1 })} ${units[step]}`;
}

/** "1 attempt", "2 attempts". */
export function pluralize(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** A time span in words; until `now` (epoch milliseconds) for an unfinished one. */
export function formatElapsed(from: string, to: string | null, now: number): string {
  const end = to === null ? now : Date.parse(to);
  return formatDuration(Math.max(0, end - Date.parse(from)));
}
