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

/** What a worker needs to run the slice it has claimed. */
export type Claim = {
  type: string;
  input: string;
  checkpoint: string | null;
  attempt: number;
  continuation: number;
  attemptTimeoutMs: number;
  leaseMs: number;
  heartbeatTimeoutMs: number | null;
  trace: Trace;
};

/** Why a call of a running attempt was refused: its job was cancelled, or it is no longer the one that counts. */
export type RunRejection = { ok: false; reason: "cancelled" | "stale" };
export type RunAnswer = { ok: true } | RunRejection;

/** How a slice ended, with what it had not yet reported. */
export type RunOutcome =
  | { type: "succeed"; result: string | null }
  | { type: "fail"; failure: Failure }
  | { type: "continue"; checkpoint: string };

/** What a delivery that is due says, and to whom. */
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

  /** Tells the listing of the job as it is, if it was not told before. Rejects if the listing cannot be told. */
  publish(): Promise<void>;
  /** Asked by the listing: does what is due, and says how the job stands; null if it is gone, or now purged. */
  reconcile(): Promise<IndexEntry | null>;

  start(attempt: number, continuation: number, lease: string): Promise<Claim | null>;
  report(lease: string, report: Report, isHeartbeat: boolean): Promise<RunAnswer>;
  saveCheckpoint(lease: string, checkpoint: string): Promise<RunAnswer>;
  finish(lease: string, report: Report, outcome: RunOutcome): Promise<RunAnswer>;
  acknowledge(lease: string): Promise<void>;

  /** The delivery, if its try number `attempt` is awaited. */
  delivery(deliveryId: string, attempt: number): Promise<DueDelivery | null>;
  /** What became of the delivery by this try; null if the try was not awaited. */
  recordDelivery(deliveryId: string, attempt: number, outcome: DeliveryAttempt): Promise<DeliveryView | null>;
  deliveries(): Promise<DeliveryView[] | null>;
  /** Null if there is no such delivery. */
  redeliver(deliveryId: string): Promise<DeliveryView | null>;
};

/** The calls, and WebSocket upgrades: `/events?after=SEQ|end` and `/worker?lease=…`, see JobObject.fetch. */
export type JobApi = JobCalls & Pick<DurableObjectStub, "fetch">;

/** A fresh stub of the job's object; take a new one for every try, for a broken one stays broken. */
export function jobObject(env: Env, tenant: string, jobId: string): JobApi {
  return env.JOBS.getByName(`${tenant}/${jobId}`) as unknown as JobApi;
}
