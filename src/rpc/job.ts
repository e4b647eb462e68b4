/**
 * The calls a job object answers: the only way from the Worker to a job. Every call names its job by tenant and id; the
 * object answers as if there were none if its job is another one.
 */

import type {
  Command,
  DeliveryAttempt,
  EndedRun,
  Failure,
  JobQueue,
  JobStatus,
  RemoteWorker,
  Report,
  Submission,
  Trace,
  Webhook,
} from "../core/job.ts";
import type { LeaseRejection } from "../core/lease.ts";
import type { Env } from "../env.ts";
import { objectIdOf } from "../lib/id.ts";
import type { IndexEntry } from "./index-entry.ts";
import { locationOf, objectsOf } from "./location.ts";
import type { FullBacklog } from "./queue.ts";
import type { DeliveryView, EventView, JobView, Snapshot } from "./views.ts";

/** Why a submission got the job of an earlier one. */
export type Deduplicated = "idempotency_key" | "unique_key" | "input_hash";

export type SubmitAnswer =
  | ({ kind: "accepted" } & Snapshot)
  | ({ kind: "existing"; deduplicated: Deduplicated } & Snapshot)
  | { kind: "key_reused" }
  | { kind: "duplicate"; jobId: string }
  | ({ kind: "quota_exceeded" } & UsedUp)
  | ({ kind: "backlog_full" } & FullBacklog);

/** A quota of the tenant that leaves no room for another job. */
export type UsedUp = { limit: "unfinished_jobs" | "stored_jobs"; allowed: number; used: number };

export type CancelAnswer =
  | ({ kind: "cancelled" } & Snapshot)
  | { kind: "not_found" }
  | { kind: "not_cancellable" | "version_mismatch"; status: JobStatus };

export type DeleteAnswer =
  | { kind: "deleted" | "not_found" | "finished_later" }
  | { kind: "not_finished"; status: JobStatus };

/** What a replay is made of. */
export type ReplaySource = {
  type: string;
  input: string;
  metadata: Record<string, string>;
  webhook: Webhook | null;
  maxAttempts: number;
  totalTimeoutMs: number;
  startTimeoutMs: number | null;
  /** Absent from an object that runs the code of the deployment before. */
  queue?: JobQueue | null;
  status: JobStatus;
  /** Epoch milliseconds; null while it has not finished. */
  finishedAt: number | null;
};

/** What a worker needs for the run it claimed. */
export type Claim = {
  type: string;
  input: string;
  checkpoint: string | null;
  attempt: number;
  continuation: number;
  attemptTimeoutMs: number;
  leaseMs: number;
  heartbeatTimeoutMs: number | null;
  /** Since the beginning of the first attempt. */
  runTimeMs: number;
  metadata: Record<string, string>;
  maxAttempts: number;
  /** Epoch milliseconds: when the lease and the attempt end at the latest. */
  leaseExpiresAt: number;
  attemptExpiresAt: number;
  trace: Trace;
};

/** Why a call of a running attempt was rejected: its job was cancelled, or the attempt no longer counts. */
export type RunRejection = { ok: false; reason: LeaseRejection };
export type RunAnswer = { ok: true } | RunRejection;

/** The answer to a remote worker: until when its lease lasts, or how its run ended. Epoch milliseconds. */
export type RemoteRunAnswer =
  | { ok: true; leaseExpiresAt: number | null; ended: EndedRun | null }
  | (RunRejection & { status: JobStatus });

/** Whether a run may read a file: whether its input or its checkpoint names it. */
export type FileAccess = { ok: true; isNamed: boolean } | (RunRejection & { status: JobStatus | null });

/** Where a job stands with its queue: it waits to be started, it has a slot, or it is not in the queue. */
export type JobQueueStatus =
  | { kind: "out" }
  | { kind: "waits" | "runs"; attempt: number; continuation: number };

/** What an attempt says over its worker socket, as JSON. */
export type SocketReport = { report: Report; isHeartbeat: boolean };

/**
 * What the job says over it: that the attempt no longer counts, up to which log line all are stored, or how often
 * progress is wanted, from now on or for so long. Milliseconds.
 */
export type SocketReply = RunRejection | { storedLine: number } | { paceMs: number; forMs?: number };

/** A worker says this over its socket when it has nothing to say; it is answered in kind and wakes no object. */
export function pingOf(lease: string): string {
  return `ping ${lease}`;
}

/** How a run ended. */
export type RunOutcome =
  | { type: "succeed"; result: string | null }
  | { type: "fail"; failure: Failure }
  | { type: "continue"; checkpoint: string };

/** The commands of a remote worker. */
export type RemoteCommand = Extract<Command, { lease: string }>;

/** What a due delivery sends, and where. */
export type DueDelivery = { url: string; type: string; timestamp: string; job: JobView; trace: Trace };

/** Names a job for ever. */
export type JobRef = { tenant: string; id: string };

export type OnConflict = "use_existing" | "reject";

/** Every call may be repeated: what has taken effect once takes none again. Rejects only if the object failed. */
export type JobCalls = {
  read(): Promise<Snapshot | null>;
  eventsAfter(seq: number): Promise<EventView[] | null>;
  cancel(reason: string | null, ifVersion: number[] | null): Promise<CancelAnswer>;
  /** Deletes a finished job; with a time, only if it finished by then (epoch milliseconds). */
  delete(finishedBy?: number): Promise<DeleteAnswer>;
  replaySource(): Promise<ReplaySource | null>;
  /** The input as JSON text; null if there is no such job. */
  input(): Promise<string | null>;
  holdsUniqueKey(name: string): Promise<boolean>;

  /** Publishes the job to the index unless that was done. Rejects if it fails. */
  publish(): Promise<void>;
  /** Called by the job index: applies due timeouts and returns the entry; null if the job is gone or now purged. */
  reconcile(): Promise<IndexEntry | null>;

  /** `worker` is a remote one. */
  start(
    attempt: number,
    continuation: number,
    lease: string,
    worker?: RemoteWorker | null,
  ): Promise<Claim | null>;
  report(lease: string, report: Report, isHeartbeat: boolean): Promise<RunAnswer>;
  saveCheckpoint(lease: string, checkpoint: string): Promise<RunAnswer>;
  /** Notes that the job stores files, before the first is written: they are deleted with it. */
  holdFiles(lease: string): Promise<RunAnswer>;
  finish(lease: string, report: Report, outcome: RunOutcome): Promise<RunAnswer>;
  acknowledge(lease: string): Promise<void>;
  /** What a remote worker says, with the command that says it. Null if there is no such job. */
  runRemotely(command: RemoteCommand): Promise<RemoteRunAnswer | null>;
  /** Writes nothing. */
  mayReadFile(lease: string, fileId: string): Promise<FileAccess>;
  /** Called by the job's queue. Writes nothing. */
  queueStatus(): Promise<JobQueueStatus>;

  /** The delivery, if its attempt number `attempt` is awaited. */
  delivery(deliveryId: string, attempt: number): Promise<DueDelivery | null>;
  /** The delivery after this attempt; null if the attempt was not awaited. */
  recordDelivery(deliveryId: string, attempt: number, outcome: DeliveryAttempt): Promise<DeliveryView | null>;
  deliveries(): Promise<DeliveryView[] | null>;
  /** Null if there is no such delivery. */
  redeliver(deliveryId: string): Promise<DeliveryView | null>;
};

/** The calls as the object takes them: with the job they are for. */
export type JobObjectCalls = {
  [Name in keyof JobCalls]: (ref: JobRef, ...args: Parameters<JobCalls[Name]>) => ReturnType<JobCalls[Name]>;
} & {
  /** With a quota that is used up, only an existing job is answered. */
  submit(submission: Submission, onConflict: OnConflict, usedUp?: UsedUp | null): Promise<SubmitAnswer>;
};

/** The calls, and WebSocket upgrades: `/events?after=SEQ|end&credential=…`, `/worker?lease=…&reports` and `/watch?lease=…`. */
export type JobApi = JobCalls & { fetch(url: string, init?: RequestInit): Promise<Response> };

/** Whether the id may be one of this deployment; a job may have had it, or not. Needs no lookup. */
export function isJobId(env: Env, jobId: string): boolean {
  return findObjectId(env, jobId) !== null;
}

/**
 * A fresh stub of the job's object. Take a new one for every call, because a broken stub stays broken. Throws for an
 * id that is none of this deployment.
 */
export function jobObject(env: Env, tenant: string, jobId: string): JobApi {
  const objectId = findObjectId(env, jobId);
  if (!objectId) throw new TypeError(`${jobId} is not the id of a job.`);
  const stub = objectsOf(env, "JOBS").get(objectId) as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  const ref: JobRef = { tenant, id: jobId };
  return new Proxy({} as JobApi, {
    get(_, name) {
      // A promise that resolves to this must not take it for a promise.
      if (typeof name !== "string" || name === "then") return undefined;
      return name === "fetch"
        ? (url: string, init?: RequestInit) => stub.fetch?.(withRef(url, ref), init)
        : (...args: unknown[]) => stub[name]?.(ref, ...args);
    },
  });
}

/**
 * The object that takes a submission: the one of its name, which keeps equal submissions in one place, or without a
 * name one of its own.
 */
export function submissionObject(
  env: Env,
  tenant: string,
  name: string | null,
): Pick<JobObjectCalls, "submit"> {
  const jobs = objectsOf(env, "JOBS");
  const id = name === null ? jobs.newUniqueId() : jobs.idFromName(`${tenant}/${name}`);
  return jobs.get(id, locationOf(env, tenant)) as unknown as JobObjectCalls;
}

/** The job that an upgrade is for. */
export function readRef(searchParams: URLSearchParams): JobRef {
  return { tenant: searchParams.get("tenant") ?? "", id: searchParams.get("job") ?? "" };
}

function withRef(url: string, { tenant, id }: JobRef): string {
  return `${url}&${new URLSearchParams({ tenant, job: id })}`;
}

function findObjectId(env: Env, jobId: string): DurableObjectId | null {
  const jobs = objectsOf(env, "JOBS");
  // Outside of `try`: a missing binding is no unknown id.
  const idFromString = jobs.idFromString.bind(jobs);
  const objectId = objectIdOf(jobId);
  try {
    return objectId === null ? null : idFromString(objectId);
  } catch {
    // The namespace made no such id.
    return null;
  }
}
