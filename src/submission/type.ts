/** What the service must know of a job type to accept its jobs, wherever its code runs. */

import type { Backoff, FailureKind } from "../core/job.ts";
import type { CheckContext } from "../job-types/define.ts";
import type { FieldError } from "./field-errors.ts";

/** The limits a type gives its jobs. Milliseconds. */
export type TypeLimits = {
  maxAttempts: number;
  attemptTimeoutMs: number;
  heartbeatTimeoutMs: number | null;
  totalTimeoutMs: number;
  retentionMs: number;
  /** Null for the deployment's own: only remote types have one. */
  leaseMs: number | null;
};

/** What an input says beyond its being acceptable. A key is null if there is none, or if the type derives none. */
export type InputReading =
  | { ok: true; uniqueKey: string | null; concurrencyKey: string | null }
  | { ok: false; errors: FieldError[] };

/** What the type's page says of keys and files. Null where its code derives them, or where there are none. */
export type TypePointers = {
  concurrencyKey: string | null;
  uniqueKey: readonly string[] | null;
  resultFile: string | null;
};

export type SubmittableType = {
  type: string;
  description: string;
  example: unknown;
  /** JSON Schema 2020-12. */
  inputSchema: Record<string, unknown>;
  limits: TypeLimits;
  /** Attempts of a job whose client asked for no number; null for the most there may be. */
  defaultAttempts: number | null;
  backoff: Partial<Backoff>;
  alsoRetry: readonly FailureKind[];
  dedupeWindowMs: number | null;
  queue: { name: string; scope: "tenant" | "deployment" } | null;
  pointers: TypePointers;
  /** Whether the concurrency key follows from the input; then a submission may not give one. */
  derivesConcurrencyKey: boolean;
  /** Null for code that runs in the Worker. */
  worker: { mode: "pull"; wake: { url: string } | null } | null;
  builtIn: boolean;
  version: number;
  /** The errors of an input, or its keys. `errors` point into the input. */
  readInput(input: unknown, context: CheckContext): InputReading;
  /** The file that is the result, if the result route answers with it. */
  resultFileOf(result: unknown): string | undefined;
};

/** Finds a type by its name; null if none can be submitted. */
export type TypeFinder = (name: string) => Promise<SubmittableType | null>;
