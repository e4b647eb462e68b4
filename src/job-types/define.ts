/** What a job type is made of, and what its code receives. The author of a job type needs only this file. */

import type { z } from "zod";
import type { Backoff, FailureKind, LogLevel, Progress } from "../core/job.ts";
import { MINUTE } from "../core/time.ts";
import type { JobDatasets } from "../datasets/store.ts";
import type { JobFiles } from "../files/store.ts";
import type { TargetRules } from "../lib/target.ts";
import type { JobFilter, JobPosition } from "../rpc/index-entry.ts";

export { DAY, HOUR, MINUTE, SECOND } from "../core/time.ts";
export type { JobFilter, JobPosition };

/** A queue consumer may run for 15 minutes; longer work continues in further runs (see `continueFrom`). */
export const ATTEMPT_TIMEOUT_MAX_MS = 14 * MINUTE;

export type TenantJobAction = "cancel" | "replay" | "delete";

/**
 * Every call may be repeated: what was done to a job once is not done again. Rejects if the object cannot be
 * reached.
 */
export type TenantJobs = {
  count(filter: JobFilter): Promise<number>;
  /** Where at most `limit` jobs after a position stand, newest first; `next` is null after the last. */
  page(
    filter: JobFilter,
    after: JobPosition | null,
    limit: number,
  ): Promise<{ jobs: JobPosition[]; next: JobPosition | null }>;
  /**
   * Does it, unless the job is gone, in another state by now, finished after `finishedBy` (epoch milliseconds), or no
   * longer acceptable: then it is skipped.
   */
  act(action: TenantJobAction, id: string, finishedBy: number): Promise<"done" | "skipped">;
};

/** What the code of a job type is given: who it is, what it may touch, and how it reports. */
export type JobContext = {
  readonly id: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** 0 for the first run of this attempt, one more after each `continueFrom`. */
  readonly continuation: number;
  /** Aborts when the attempt no longer counts: cancelled, out of time, or taken for lost. */
  readonly signal: AbortSignal;
  /** What the last `saveCheckpoint` or `continueFrom` of any attempt stored; null at the very start. */
  readonly checkpoint: unknown;
  /** W3C Trace Context of this job, to send along to third parties. */
  readonly traceparent: string;
  /** `tracestate` of the same; null if there is none. */
  readonly tracestate: string | null;
  /** What this deployment lets jobs call. */
  readonly targetRules: TargetRules;
  /** The tenant's files; what is created here is produced by this job and purged with it. */
  readonly files: JobFiles;
  /** The tenant's datasets. */
  readonly datasets: JobDatasets;
  /** The tenant's other jobs. */
  readonly jobs: TenantJobs;
  /** Milliseconds until this run reaches its attempt timeout. */
  remainingMs(): number;
  /** Reports progress. Cheap to call often: at most one report a second is stored, and always the last one. */
  progress(report: Partial<Progress>): void;
  /** Adds a line to the job's history, which the client can read. At most 4 KiB a line, 1,000 lines a job. */
  log(message: string, level?: LogLevel): void;
  /** Tells the service that the code is alive, for types with `heartbeatTimeoutMs`. */
  heartbeat(): void;
  /**
   * Confirms that this attempt still counts, before a side effect that must not come late. Rejects if it does not.
   */
  ensureCurrent(): Promise<void>;
  /** Stores where to resume: JSON of at most 64 KiB. Survives retries. Rejects if the attempt no longer counts. */
  saveCheckpoint(checkpoint: unknown): Promise<void>;
  /** `return job.continueFrom(checkpoint)` ends this run; the same attempt continues in a new one. */
  continueFrom(checkpoint: unknown): Continuation;
};

/** The return value that asks for another run of the attempt. */
export class Continuation {
  readonly checkpoint: unknown;
  constructor(checkpoint: unknown) {
    this.checkpoint = checkpoint;
  }
}

/** The public error of a failure, and what goes to the log only. */
export type FailureDetails = {
  /** Stable snake_case code for clients; the kind if not given. */
  code?: string;
  /** One sentence for clients. */
  message?: string;
  /** Least time until a retry, as a third party's `Retry-After` asked. */
  retryAfterMs?: number;
  /** What went wrong inside; goes to the log only. */
  cause?: unknown;
};

/** Thrown by a job type to fail an attempt with a public error. Any other exception is an `internal_error`. */
export class JobFailure extends Error {
  override readonly name = "JobFailure";
  readonly kind: Exclude<FailureKind, "worker_lost">;
  readonly code: string | null;
  readonly publicMessage: string | null;
  readonly retryAfterMs: number | null;

  constructor(kind: Exclude<FailureKind, "worker_lost">, details: FailureDetails = {}) {
    super(details.message ?? kind, details.cause === undefined ? {} : { cause: details.cause });
    this.kind = kind;
    this.code = details.code ?? null;
    this.publicMessage = details.message ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/**
 * An error in an input that its schema cannot express. `pointer` is a JSON pointer (RFC 6901) relative to the
 * input.
 */
export type InputError = { pointer: string; detail: string };

/** What a check knows of the deployment. */
export type CheckContext = { targetRules: TargetRules };

/** A job type as its author writes it. */
export type JobTypeDefinition<Input extends z.ZodType, Result> = {
  type: string;
  description: string;
  /** Strict schema of the input; also published as JSON Schema. */
  input: Input;
  example: z.input<Input>;
  /** Most attempts a client may ask for; default 3, at most 25. */
  maxAttempts?: number;
  /** Attempts of a job whose client asked for no number; default `maxAttempts`. */
  defaultAttempts?: number;
  /** Longest run of an attempt; default 5 minutes, at most 14. */
  attemptTimeoutMs?: number;
  /** The handler must report at least this often; default: no limit. */
  heartbeatTimeoutMs?: number;
  /** From due to finished, retries included; default 24 hours. */
  totalTimeoutMs?: number;
  /** From finished to purged; default 7 days. */
  retentionMs?: number;
  backoff?: Partial<Backoff>;
  /** Kinds this type retries besides the temporary ones. */
  alsoRetry?: FailureKind[];
  /** At most one unfinished job of this type per key; null for no key. */
  uniqueKey?: (input: z.output<Input>) => string | null;
  /** The queue of the deployment that decides when jobs of this type start; default: none. */
  queue?: string;
  /** What the limits per key of the queue count by; null for a job without a key. */
  concurrencyKey?: (input: z.output<Input>) => string | null;
  /** Equal inputs within this time are one job, with or without an idempotency key. */
  dedupeWindowMs?: number;
  /** The id of the file that is the result, if the result route should answer with that file. */
  resultFile?: (result: Result) => string;
  /** Errors the schema cannot express. Called once, when the job is submitted. */
  check?: (input: z.output<Input>, context: CheckContext) => InputError[];
  /** Does the work. What it returns is the result (JSON, at most 1 MiB). */
  run(input: z.output<Input>, job: JobContext): Promise<Result | Continuation>;
};

/** A job type as the service keeps it. Its own types were checked where it was defined. */
export type JobType = JobTypeDefinition<z.ZodType, unknown>;

/** Checks a definition's types and makes it a job type. */
export function defineJobType<Input extends z.ZodType, Result>(
  definition: JobTypeDefinition<Input, Result>,
): JobType {
  return definition as unknown as JobType;
}

/** The job types of a deployment by name. */
export type JobTypes = ReadonlyMap<string, JobType>;
