/**
 * The calls a job object answers: the only way from the Worker to a job.
 * A job's object is named by tenant and id, so no request of another tenant can ever reach it.
 */

import type { DeliveryTry, Failure, JobStatus, Report, Submission, Trace, Webhook } from "../core/job.ts";
import type { Env } from "../env.ts";
import type { Entry } from "../listing/entry.ts";
import type { DeliveryView, EventView, JobView } from "./present.ts";

/** The job as clients see it, and after how many seconds asking again is worthwhile. */
export type Snapshot = { job: JobView; pollAfterSeconds: number | null };

export type SubmitAnswer =
  | ({ kind: "accepted" | "replayed" | "unique_conflict" } & Snapshot)
  | { kind: "key_reused" }
  | { kind: "place_taken"; jobId: string };

export type CancelAnswer =
  | ({ kind: "cancelled" } & Snapshot)
  | { kind: "not_found" }
  | { kind: "not_cancellable" | "version_mismatch"; status: JobStatus };

export type RemoveAnswer = { kind: "removed" | "not_found" } | { kind: "not_finished"; status: JobStatus };

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
  slice: number;
  attemptLimitMs: number;
  leaseMs: number;
  silenceLimitMs: number | null;
  trace: Trace;
};

/** Why a call of a running attempt was refused: its job was cancelled, or it is no longer the one that counts. */
export type RunRefusal = { ok: false; why: "cancelled" | "stale" };
export type RunAnswer = { ok: true } | RunRefusal;

/** How a slice ended, with what it had not yet reported. */
export type Outcome =
  | { type: "succeed"; result: string | null }
  | { type: "fail"; failure: Failure }
  | { type: "continue"; checkpoint: string };

/** What a delivery that is due says, and to whom. */
export type DueDelivery = { url: string; type: string; timestamp: string; job: JobView; trace: Trace };

/** Every call may be repeated: what has taken effect once takes none again. Rejects only if the object failed. */
export type JobCalls = {
  submit(submission: Submission, onConflict: "return" | "reject"): Promise<SubmitAnswer>;
  read(): Promise<Snapshot | null>;
  eventsAfter(seq: number): Promise<EventView[] | null>;
  cancel(reason: string | null, ifVersion: number[] | null): Promise<CancelAnswer>;
  remove(): Promise<RemoveAnswer>;
  replaySource(): Promise<ReplaySource | null>;
  holdsPlace(name: string): Promise<boolean>;

  /** Tells the listing of the job as it is, if it was not told before. Rejects if the listing cannot be told. */
  announce(): Promise<void>;
  /** Asked by the listing: does what is due, and says how the job stands; null if it is gone, or now purged. */
  knock(): Promise<Entry | null>;

  start(attempt: number, slice: number, lease: string): Promise<Claim | null>;
  report(lease: string, report: Report, alive: boolean): Promise<RunAnswer>;
  saveCheckpoint(lease: string, checkpoint: string): Promise<RunAnswer>;
  finish(lease: string, report: Report, outcome: Outcome): Promise<RunAnswer>;
  acknowledge(lease: string): Promise<void>;

  /** The delivery, if its try number `attempt` is awaited. */
  delivery(deliveryId: string, attempt: number): Promise<DueDelivery | null>;
  /** What became of the delivery by this try; null if the try was not awaited. */
  delivered(deliveryId: string, attempt: number, outcome: DeliveryTry): Promise<DeliveryView | null>;
  deliveries(): Promise<DeliveryView[] | null>;
  /** Null if there is no such delivery. */
  redeliver(deliveryId: string): Promise<DeliveryView | null>;
};

/** The calls, and WebSocket upgrades: `/feed?after=SEQ|end` and `/line?lease=…`, see JobObject.fetch. */
export type JobApi = JobCalls & Pick<DurableObjectStub, "fetch">;

/** A fresh stub of the job's object; take a new one for every try, for a broken one stays broken. */
export function jobObject(env: Env, tenant: string, jobId: string): JobApi {
  return env.JOBS.getByName(`${tenant}/${jobId}`) as unknown as JobApi;
}
