/**
 * What a job is: its stored record, commands and events. Only types and predicates; transition.ts changes a job.
 * Every `…At` is epoch milliseconds, every `…Ms` a duration in milliseconds.
 */

/** Why an attempt failed. The first four are temporary by nature, the others permanent. */
export const failureKinds = [
  "timeout",
  "rate_limited",
  "service_unavailable",
  "worker_lost",
  "invalid_input",
  "permission_denied",
  "not_found",
  "internal_error",
] as const;
export type FailureKind = (typeof failureKinds)[number];

/** Retried by every job type while attempts remain; a type may widen this, never narrow it. */
export const temporaryKinds: readonly FailureKind[] = [
  "timeout",
  "rate_limited",
  "service_unavailable",
  "worker_lost",
];

/** No type may have more attempts, because an endless retry hides a failure. */
export const ATTEMPTS_MAX = 25;

/** Log lines kept per job. The last one says that further lines are dropped. */
export const LOG_LINES_MAX = 1000;

/** The limits a job lives under, fixed when it is accepted, so that a deploy never changes a job's terms. */
export type Policy = {
  maxAttempts: number;
  /** Longest run of an attempt; in the Worker at most 14 minutes, because a queue consumer may run for 15. */
  attemptTimeoutMs: number;
  /** Longest time between two heartbeats of the handler; null for no limit. */
  heartbeatTimeoutMs: number | null;
  /** From the moment the job was due until it must have finished. */
  totalTimeoutMs: number;
  /** How long a running attempt may go without renewing before its worker counts as lost. */
  leaseMs: number;
  /** How long a queue message may stay unclaimed before it is sent again; doubles with each sending. */
  dispatchTimeoutMs: number;
  backoff: Backoff;
  retryKinds: readonly FailureKind[];
  /** From finishing to being purged. */
  retentionMs: number;
  index: IndexLayout;
};

/** How the tenant's job index is divided: by the time a job was accepted, and then by its id. */
export type IndexLayout = { period: "month" | "day" | "hour"; shards: number };

export type Backoff = { firstMs: number; factor: number; capMs: number };

/** The part of a failure that clients see. */
export type PublicError = { kind: FailureKind; code: string; message: string; reference: string };

export type AttemptStatus = "running" | "succeeded" | "failed" | "timed_out" | "lost" | "cancelled";

/** What a remote worker says of itself. */
export type RemoteWorker = { name: string; version: string | null };

export type Attempt = {
  number: number;
  status: AttemptStatus;
  /** Null for an attempt in the Worker. */
  worker: RemoteWorker | null;
  startedAt: number;
  finishedAt: number | null;
  error: PublicError | null;
};

/** Progress as the handler reported it. What it did not report is null. */
export type Progress = {
  current: number | null;
  total: number | null;
  unit: string | null;
  stage: string | null;
  message: string | null;
};

export type LogLevel = "debug" | "info" | "warn" | "error";
/** `number` counts the lines of a run from 1, so that a line reported twice is stored once. */
export type LogLine = { number: number; level: LogLevel; message: string };

/** A claim on a name that at most one job of a tenant and type may hold; see holdsUniqueKey. */
export type UniqueKey =
  | { rule: "unique_key"; name: string }
  | { rule: "input_hash"; name: string; untilAt: number };

/**
 * Waiting for a worker: when the attempt is due and when its queue message goes out (again). `isGranted` says that its
 * queue gave it a slot at once.
 */
export type Wait = { dueAt: number; dispatches: number; nextDispatchAt: number; isGranted?: boolean };

/** The queue that decides when the job starts, and the job's place in it. */
export type JobQueue = {
  name: string;
  /** A queue of the deployment is shared by all tenants. */
  scope: "tenant" | "deployment";
  key: string | null;
  /** A head start in seconds. */
  priority: number;
  /** The tenant's share of a queue that it shares. */
  weight: number;
  /** Called when the job may start and no remote worker asks for it. */
  wakeUrl?: string | null;
};

/** How a remote worker ended its run, so that the same words get the same answer. */
export type EndedRun = {
  lease: string;
  type: "succeed" | "fail" | "continue" | "release";
  status: JobStatus;
  nextAttemptAt: number | null;
};

/** Where the job stands. Each alternative carries exactly what is true in it. */
export type Phase =
  | { status: "queued"; wait: Wait }
  | { status: "running"; activity: "waiting_to_retry"; wait: Wait }
  | { status: "running"; activity: "continuing"; wait: Wait; isDelayed?: boolean }
  | {
      status: "running";
      activity: "executing";
      lease: string;
      leaseEndsAt: number;
      runStartedAt: number;
      lastHeartbeatAt: number;
    }
  | { status: "succeeded"; finishedAt: number }
  | { status: "failed"; finishedAt: number; reason: FailReason; error: PublicError }
  | { status: "cancelled"; finishedAt: number; reason: CancelReason; cancellation: Cancellation };

export const jobStatuses = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];
export type Executing = Extract<Phase, { activity: "executing" }>;
export type FailReason = "permanent_failure" | "attempts_exhausted" | "total_timeout";
export type CancelReason = "requested" | "start_timeout";

export type Cancellation = {
  requestedAt: number;
  reason: string | null;
  by: "client" | "system";
  acknowledgedAt: number | null;
  /** The lease of the code that was running, until that code has stopped. */
  stopping: string | null;
};

/** Where a job's events are delivered. */
export type Webhook = { url: string; events: readonly EventBody["type"][] };

/** How one attempt to deliver went: the receiver's status, or why there was none. Times in milliseconds. */
export type DeliveryAttempt = {
  startedAt: number;
  status: number | null;
  error: "timeout" | "unreachable" | "refused_target" | null;
  durationMs: number;
  /** Least time until the next attempt, from the receiver's Retry-After. */
  retryAfterMs: number | null;
};

/**
 * One event for the webhook. `step` counts the waits of the schedule that were used, `attemptCount` all recorded
 * attempts; `attempts` has the latest ones.
 */
export type Delivery = {
  id: string;
  eventType: EventBody["type"];
  eventAt: number;
  attemptCount: number;
  attempts: readonly DeliveryAttempt[];
  state: ({ status: "waiting"; step: number } & Wait) | { status: "succeeded" } | { status: "failed" };
};

/** The request that submitted the job, for logs and outgoing calls. */
export type Trace = { requestId: string; traceparent: string; tracestate: string | null; keyId: string };

/** What a client asked for, already validated; the job is made of it. */
export type Submission = {
  tenant: string;
  type: string;
  /** JSON text, opaque to the core, as are `checkpoint` and `result`. */
  input: string;
  metadata: Record<string, string>;
  /** SHA-256 of the canonical request when it came with an idempotency key, else null. */
  fingerprint: string | null;
  uniqueKeys: readonly UniqueKey[];
  replayedFrom: string | null;
  webhook: Webhook | null;
  trace: Trace;
  policy: Policy;
  runAt: number | null;
  startTimeoutMs: number | null;
  /** Null for a job that starts as soon as a worker takes it. */
  queue: JobQueue | null;
  /** Whether its attempts run in remote workers, which claim them. */
  isRemote: boolean;
};

export type Job = Omit<Submission, "runAt" | "startTimeoutMs"> & {
  /** Never the id of another job, also not of one made later under the same idempotency key. */
  id: string;
  createdAt: number;
  updatedAt: number;
  /** When the first attempt is due: `run_at`, or acceptance. */
  dueAt: number;
  /** The job is cancelled if no attempt has begun by then. */
  startTimeoutAt: number | null;
  version: number;
  attempts: readonly Attempt[];
  /** 0 for the first run of the current attempt, one more for each continuation. */
  continuation: number;
  progress: (Progress & { at: number }) | null;
  checkpoint: string | null;
  result: string | null;
  deliveries: readonly Delivery[];
  logLines: number;
  /** The number of the run's last stored log line. */
  lastLogNumber: number;
  lastSeq: number;
  /** How the last run of a remote worker ended. */
  endedRun: EndedRun | null;
  /** Whether it ever began to store a file: only then is anything of it kept outside its object. */
  holdsFiles: boolean;
  phase: Phase;
};

/** What a running attempt reports. */
export type Report = { progress: Progress | null; logs: readonly LogLine[] };

/**
 * A failed attempt: what is public of it, and the least time until a retry. `message` is null if the job type declared
 * none; then the message says what is true of the attempt, or of the job.
 */
export type Failure = Omit<PublicError, "message"> & { message: string | null; retryAfterMs: number | null };

export type Command =
  | { type: "start"; attempt: number; continuation: number; lease: string; worker?: RemoteWorker | null }
  | { type: "report"; lease: string; report: Report; isHeartbeat: boolean; isOverSocket?: boolean }
  | { type: "save_checkpoint"; lease: string; checkpoint: string }
  | { type: "hold_files"; lease: string }
  | { type: "succeed"; lease: string; report: Report; result: string | null }
  | { type: "fail"; lease: string; report: Report; failure: Failure }
  | { type: "continue"; lease: string; report: Report; checkpoint: string; delayMs?: number | null }
  | { type: "release"; lease: string }
  | { type: "cancel"; reason: string | null; ifVersion: readonly number[] | null }
  | { type: "acknowledge"; lease: string }
  | { type: "shorten_lease"; lease: string }
  | { type: "record_delivery"; deliveryId: string; attempt: number; outcome: DeliveryAttempt }
  | { type: "redeliver"; deliveryId: string }
  | { type: "wake" };

export type EndCommand = Extract<Command, { type: "succeed" | "fail" | "continue" | "release" }>;

export type EventBody =
  | { type: "job.queued"; dueAt: number | null }
  | { type: "job.started"; attempt: number; worker?: RemoteWorker | null }
  | { type: "job.progress"; progress: Progress }
  | { type: "job.log"; level: LogLevel; message: string; attempt: number }
  | {
      type: "job.attempt_failed";
      attempt: number;
      status: AttemptStatus;
      error: PublicError;
      nextAttemptAt: number | null;
    }
  | { type: "job.continued"; attempt: number; continuation: number; nextAttemptAt?: number | null }
  | { type: "job.succeeded"; attempt: number }
  | { type: "job.failed"; reason: FailReason; error: PublicError }
  | { type: "job.cancelled"; reason: CancelReason; by: "client" | "system"; message: string | null };

/** One thing that happened to a job; `seq` counts from 1 without a gap. */
export type JobEvent = { seq: number; at: number } & EventBody;

/** What to do after the job is stored. Each effect may happen twice, late or never. */
export type Effect =
  | { type: "dispatch"; attempt: number; continuation: number }
  | { type: "dispatch_delivery"; deliveryId: string; attempt: number }
  | { type: "leave_queue"; attempt: number }
  | { type: "purge" };

export type Rejection =
  | "stale"
  | "cancelled"
  | "finished"
  | "not_waiting"
  | "not_cancellable"
  | "version_mismatch";
export type Answer = { ok: true } | { ok: false; reason: Rejection };

/** The outcome of a command. `job` is the very same object if nothing changed, so there is nothing to store. */
export type Decision = {
  answer: Answer;
  job: Job;
  events: readonly JobEvent[];
  effects: readonly Effect[];
};

export function isFinished(job: Job): boolean {
  return job.phase.status !== "queued" && job.phase.status !== "running";
}
