/** The calls of a queue's object, which decides when the jobs in it start. */

import type { JobQueue, RemoteWorker } from "../core/job.ts";
import type { QueueEntry, QueueLimitName, QueueLimits } from "../core/queue.ts";
import type { Env } from "../env.ts";
import { locationOf, objectsOf } from "./location.ts";

/** Names a queue: a tenant's own, or with null one of the deployment. */
export type QueueRef = { tenant: string | null; name: string };

/** A backlog that has no room. */
export type FullBacklog = {
  queue: string;
  limit: QueueLimitName;
  allowed: number;
  used: number;
  retryAfterSeconds: number;
};

/** "granted": it has a slot, so its message may be sent. "waiting": the queue sends it, or a worker claims it. */
export type EnterAnswer =
  | { kind: "granted" }
  | { kind: "waiting"; waiting: Waiting | null }
  | ({ kind: "full" } & FullBacklog);

/** Why a job waits: its place among the jobs of its tenant, from 1. */
export type Waiting = {
  reason: "concurrency" | "rate" | "paused" | "no_worker";
  limit: QueueLimitName | null;
  position: number;
  /** Epoch milliseconds. */
  enteredAt: number;
};

/** What replaces limits for a while; `keys` has the concurrency of single keys. Epoch milliseconds. */
export type QueueOverride = {
  limits: Partial<QueueLimits>;
  keys: Record<string, number>;
  expiresAt: number;
};

export type Paused = { pausedAt: number; reason: string | null };

export type SeenWorker = RemoteWorker & { polledAt: number };

/** A queue as one tenant sees it, or with null as the operator does. */
export type QueueState = {
  limits: QueueLimits;
  override: QueueOverride | null;
  paused: Paused | null;
  waiting: number;
  running: number;
  /** Epoch milliseconds; null if none waits. */
  oldestEnteredAt: number | null;
  workers: SeenWorker[];
  version: number;
};

/** What a worker asks for. `claim` names the request, so that its repetition gets the same jobs. */
export type ClaimRequest = {
  tenant: string;
  types: readonly string[];
  jobsMax: number;
  claim: string;
  worker: RemoteWorker;
};

/** The jobs that were given, to this request or to one with the same name before. */
export type ClaimAnswer = { entries: QueueEntry[]; isRepeated: boolean };

export type QueueChange =
  | { type: "set_limits"; limits: QueueLimits }
  | { type: "pause"; reason: string | null }
  | { type: "resume" }
  | { type: "override"; override: QueueOverride }
  | { type: "end_override" };

/** Every call may be repeated. */
export type QueueCalls = {
  /** Takes a job in. Only a submission may be refused, never a job that was accepted. */
  enter(entry: QueueEntry, isSubmission: boolean): Promise<EnterAnswer>;
  /** The attempt is over, or never began. Of an earlier attempt than the one that is in, nothing happens. */
  leave(jobId: string, attempt: number): Promise<void>;
  /** Null if the job does not wait here. Writes nothing. */
  waiting(jobId: string): Promise<Waiting | null>;
  /** Gives slots to the jobs that may start, for a remote worker. */
  claim(request: ClaimRequest): Promise<ClaimAnswer>;
  /** The job could not be started with the slot it was given: asks it where it stands. */
  verify(jobId: string): Promise<void>;
  /** Writes nothing. */
  read(tenant: string | null): Promise<QueueState>;
  /** `ifVersion` as in `If-Match`; null allows any. Null if it does not match. */
  change(change: QueueChange, ifVersion: number[] | null): Promise<QueueState | null>;
  /** Removes limits, override and pause; the jobs in it go on without them. */
  reset(): Promise<void>;
  /** Deletes all; called when the tenant is erased. */
  erase(): Promise<void>;
};

/** The calls as the object takes them, and upgrades to `/wait?tenant=…&type=…`: a message says that a job may start. */
export type QueueObjectCalls = {
  [Name in keyof QueueCalls]: (
    ref: QueueRef,
    ...args: Parameters<QueueCalls[Name]>
  ) => ReturnType<QueueCalls[Name]>;
};
export type QueueApi = QueueCalls & { fetch(url: string, init?: RequestInit): Promise<Response> };

/** The queue of a tenant's job. */
export function queueRef(tenant: string, { scope, name }: Pick<JobQueue, "scope" | "name">): QueueRef {
  return { tenant: scope === "tenant" ? tenant : null, name };
}

/** A fresh stub of the queue's object. */
export function queueObject(env: Env, ref: QueueRef): QueueApi {
  const location = ref.tenant === null ? {} : locationOf(env, ref.tenant);
  const stub = objectsOf(env, "QUEUES").getByName(
    `${ref.tenant ?? ""}/${ref.name}`,
    location,
  ) as unknown as Record<string, (...args: unknown[]) => unknown>;
  return new Proxy({} as QueueApi, {
    get(_, name) {
      // A promise that resolves to this must not take it for a promise.
      if (typeof name !== "string" || name === "then") return undefined;
      return name === "fetch"
        ? (url: string, init?: RequestInit) => stub.fetch?.(url, init)
        : (...args: unknown[]) => stub[name]?.(ref, ...args);
    },
  });
}
