/** The calls a tenant's listing answers. It is told by jobs and asked by clients, and no job ever waits for it to begin. */

import type { Env } from "../env.ts";
import type { IndexEntry, JobFilter, JobPosition } from "./index-entry.ts";
import type { JobView } from "./views.ts";

/** A page of the index; `next` is null at the end of the list. */
export type IndexPage = { jobs: JobView[]; next: JobPosition | null };

/** The counts of one hour and type: a job counts as accepted in the hour it was made, as ended in the hour it ended. */
export type HourStats = {
  hour: number;
  type: string;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  attempts: number;
  queueTimeMs: { p50: number | null; p95: number | null };
  runTimeMs: { p50: number | null; p95: number | null };
};

export type JobIndexApi = {
  /** Takes a job's word for what it is, unless a newer one is known. May be forgotten again: see `confirm`. */
  publish(tenant: string, entry: IndexEntry): Promise<void>;
  /** As `announce`, but resolves only when it is stored. */
  publishDurably(tenant: string, entry: IndexEntry): Promise<void>;
  /** Takes a job that is about to be deleted out of sight, for good once it is gone, heard of before or not. */
  markDeleted(tenant: string, entry: IndexEntry): Promise<void>;
  /** At most `limit` jobs after a position, newest first; a page may be short and yet not be the last. */
  page(filter: JobFilter, after: JobPosition | null, limit: number): Promise<IndexPage>;
  /** How many jobs there are of that kind. */
  count(filter: JobFilter): Promise<number>;
  /** Sums per hour and type, from the hour of `from` up to `to`; epoch milliseconds. */
  stats(from: number, to: number, type: string | null): Promise<HourStats[]>;
};

/** A fresh stub of the tenant's listing. */
export function jobIndexObject(env: Env, tenant: string): JobIndexApi {
  return env.JOB_INDEXES.getByName(tenant) as unknown as JobIndexApi;
}
