/** What a client knows of the answers' shapes from the contract. The suite's own: it shares no type with the service. */

export type JobError = { kind: string; code: string; message: string; reference?: string };

export type Attempt = {
  number: number;
  status: string;
  started_at: string;
  finished_at: string | null;
  error?: JobError;
};

export type Progress = {
  current: number | null;
  total: number | null;
  unit: string | null;
  percent: number | null;
  stage: string | null;
  message: string | null;
  updated_at?: string;
};

/** Contract 2. */
export type Job = {
  id: string;
  type: string;
  status: string;
  status_reason: string | null;
  created_at: string;
  updated_at: string;
  started_at: string | null;
  finished_at: string | null;
  purge_at: string | null;
  attempt: number;
  max_attempts: number;
  next_attempt_at: string | null;
  progress: Progress | null;
  attempts: Attempt[];
  metadata: Record<string, string>;
  replayed_from?: string;
  result?: unknown;
  error?: JobError;
  cancellation?: { requested_at: string; reason: string | null; by: string; acknowledged_at: string | null };
  version: number;
  links: { self: string; cancel: string; events: string; result: string };
};

/** What pages, webhook messages and browser tokens get of a job: contract 2, "Compact form". */
export function compactOf(job: Job): Job {
  const left = ["input", "input_url", "webhook", "limits", "waiting"];
  return Object.fromEntries(Object.entries(job).filter(([name]) => !left.includes(name))) as Job;
}

/** Contract 5. */
export type JobEvent = { seq: number; type: string; time: string; data: Record<string, unknown> };

/** Contract 1, "Problems". */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  instance: string;
  errors?: { pointer: string; detail: string }[];
  job_status?: string;
  job_id?: string;
};

/** Contract 8. */
export type Delivery = {
  id: string;
  event: string;
  status: string;
  next_attempt_at: string | null;
  attempts: { started_at: string; status: number | null; error: string | null; duration_ms: number }[];
};

/** Contract 9. */
export type StoredFile = {
  id: string;
  size: number;
  content_type: string;
  sha256: string;
  created_at: string;
};

/** Contract 3. */
export type JobType = {
  type: string;
  description: string;
  input_schema: Record<string, unknown>;
  limits: { max_attempts: number; total_timeout_ms: number } & Record<string, number | null>;
  example: unknown;
};

/** Contract 7. */
export type Stats = {
  type: string;
  hour: string;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  attempts: number;
  queue_time_ms: { p50: number | null; p95: number | null };
  run_time_ms: { p50: number | null; p95: number | null };
};

export const FINAL_EVENTS = ["job.succeeded", "job.failed", "job.cancelled"];

/** A time on the wire (contract 1): RFC 3339, UTC, milliseconds, `Z`. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export const isFinished = ({ status }: Job) => status !== "queued" && status !== "running";
