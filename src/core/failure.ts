/** How an attempt ends: the public error, and the reference that leads support to the log. */

import { assert } from "./assert.ts";
import type { Attempt, AttemptStatus, Failure, Job, PublicError } from "./job.ts";

/** The messages of failures without one of their own. A failed attempt need not be the end of its job. */
const ATTEMPT_MESSAGE = "This attempt failed.";
const JOB_MESSAGE = "The job could not be completed.";

/** Public texts are cut to this length, because they are stored with the attempt and its events. */
const MESSAGE_CHARS_MAX = 1_000;
const CODE_CHARS_MAX = 100;

/** What clients see of a failed attempt. */
export function toAttemptError(failure: Failure): PublicError {
  return toPublicError(failure, ATTEMPT_MESSAGE);
}

/** What clients see of a failed job. */
export function toJobError(failure: Failure): PublicError {
  return toPublicError(failure, JOB_MESSAGE);
}

/** The failure of an attempt that has ended before. */
export function toFailure(error: PublicError): Failure {
  const message = error.message === ATTEMPT_MESSAGE ? null : error.message;
  return { ...error, message, retryAfterMs: null };
}

function toPublicError({ kind, code, message, reference }: Failure, byDefault: string): PublicError {
  const text = truncate(message ?? byDefault, MESSAGE_CHARS_MAX);
  return { kind, code: truncate(code, CODE_CHARS_MAX), message: text, reference };
}

/** At most `bytes` of a text in UTF-8, never half a character. */
export function truncateBytes(text: string, bytes: number): string {
  const encoded = new TextEncoder().encode(text);
  if (encoded.length <= bytes) return text;
  return new TextDecoder().decode(encoded.subarray(0, bytes)).replace(/\uFFFD{1,3}$/, "");
}

/** At most `chars` UTF-16 units of a text, never half a character. */
export function truncate(text: string, chars: number): string {
  return text.length > chars ? text.slice(0, chars).toWellFormed() : text;
}

/** A failure that the service detected itself. */
export function createSystemFailure(job: Job, kind: "timeout" | "worker_lost"): Failure {
  return {
    kind,
    code: kind,
    message: null,
    retryAfterMs: null,
    reference: failureReference(job.id, job.attempts.length),
  };
}

/** The opaque id of an attempt in its public error and in the logs. */
export function failureReference(jobId: string, attempt: number): string {
  return `ref_${jobId.slice(jobId.indexOf("_") + 1)}_${attempt}`;
}

/** The attempts with the last of them ended so. */
export function endAttempt(job: Job, end: Partial<Attempt>): Attempt[] {
  const last = job.attempts.at(-1);
  assert(last !== undefined, "an attempt has begun");
  return [...job.attempts.slice(0, -1), { ...last, ...end }];
}

/** Emitted for every failed attempt, whether or not another follows. */
export function createAttemptFailedEvent(
  job: Job,
  status: AttemptStatus,
  failure: Failure,
  nextAttemptAt: number | null,
) {
  const attempt = job.attempts.length;
  return {
    type: "job.attempt_failed",
    attempt,
    status,
    error: toAttemptError(failure),
    nextAttemptAt,
  } as const;
}
