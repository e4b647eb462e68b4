/**
 * The calls a job object answers: the only way from the Worker to a job.
 * A job's object is named by tenant and id, so no request of another tenant can ever reach it.
 */

import type { DeliveryAttempt, Failure, JobStatus, Report, Submission, Trace, Webhook } from "../core/job.ts";
import type { Env } from "../env.ts";
import type { IndexEntry } from "./index-entry.ts";
import type { DeliveryView, EventView, JobView, Snapshot } from "./views.ts";

/** Why a submission got the job of an earlier one. */
export type Deduplicated = "idempotency_key" | "unique_key" | "input_hash";

export type SubmitAnswer =
  | ({ kind: "accepted" } & Snapshot)
  | ({ kind: "existing"; deduplicated: Deduplicated } & Snapshot)
  | { kind: "key_reused" }
  | { kind: "duplicate"; jobId: string };

export type CancelAnswer =
  | ({ kind: "cancelled" } & Snapshot)
  | { kind: "not_found" }
  | { kind: "not_cancellable" | "version_mismatch"; status: JobStatus };

export type DeleteAnswer = { kind: "deleted" | "not_found" } | { kind: "not_finished"; status: JobStatus };

/** What a replay is made of. */
export type ReplaySource = {
  type: string;
  input: string;
  metadata: Record<string, string>;
  webhook: Webhook | null;
  status: JobStatus;
  isFinished: boolean;
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
  trace: Trace;
};

/** Why a call of a running attempt was rejected: its job was cancelled, or the attempt no longer counts. */
export type RunRejection = { ok: false; reason: "cancelled" | "stale" };
export type RunAnswer = { ok: true } | RunRejection;

/** How a run ended. */
export type RunOutcome =
  | { type: "succeed"; result: string | null }
  | { type: "fail"; failure: Failure }
  | { type: "continue"; checkpoint: string };

/** What a due delivery sends, and where. */
export type DueDelivery = { url: string; type: string; timestamp: string; job: JobView; trace: Trace };

/** Every call may be repeated: what has taken effect once takes none again. Rejects only if the object failed. */
export type JobCalls = {
  submit(submission: Submission, onConflict: "use_existing" | "reject"): Promise<SubmitAnswer>;
  read(): Promise<Snapshot | null>;
  eventsAfter(seq: number): Promise<EventView[] | null>;
  cancel(reason: string | null, ifVersion: number[] | null): Promise<CancelAnswer>;
  delete(): Promise<DeleteAnswer>;
  replaySource(): Promise<ReplaySource | null>;
  holdsUniqueKey(name: string): Promise<boolean>;

  /** Publishes the job to the index unless that was done. Rejects if it fails. */
  publish(): Promise<void>;
  /** Called by the job index: applies due timeouts and returns the entry; null if the job is gone or now purged. */
  reconcile(): Promise<IndexEntry | null>;

  start(attempt: number, continuation: number, lease: string): Promise<Claim | null>;
  report(lease: string, report: Report, isHeartbeat: boolean): Promise<RunAnswer>;
  saveCheckpoint(lease: string, checkpoint: string): Promise<RunAnswer>;
  finish(lease: string, report: Report, outcome: RunOutcome): Promise<RunAnswer>;
  acknowledge(lease: string): Promise<void>;

  /** The delivery, if its attempt number `attempt` is awaited. */
  delivery(deliveryId: string, attempt: number): Promise<DueDelivery | null>;
  /** The delivery after this attempt; null if the attempt was not awaited. */
  recordDelivery(deliveryId: string, attempt: number, outcome: DeliveryAttempt): Promise<DeliveryView | null>;
  deliveries(): Promise<DeliveryView[] | null>;
  /** Null if there is no such delivery. */
  redeliver(deliveryId: string): Promise<DeliveryView | null>;
};

/** The calls, and WebSocket upgrades: `/events?after=SEQ|end` and `/worker?lease=…`, see JobObject.fetch. */
export type JobApi = JobCalls & Pick<DurableObjectStub, "fetch">;

/** A fresh stub of the job's object. Take a new one for every call, because a broken stub stays broken. */
export function jobObject(env: Env, tenant: string, jobId: string): JobApi {
  return env.JOBS.getByName(`${tenant}/${jobId}`) as unknown as JobApi;
}
