/** The calls of a tenant's job index. Jobs publish to it and clients query it; no job waits for it. */

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
  /** Takes an entry unless a newer one is known. An eviction may lose it; `publishDurably` does not. */
  publish(tenant: string, entry: IndexEntry): Promise<void>;
  /** As `publish`, but resolves only when it is stored. */
  publishDurably(tenant: string, entry: IndexEntry): Promise<void>;
  /** Takes a job that is being deleted out of the list, whether or not it was listed. */
  markDeleted(tenant: string, entry: IndexEntry): Promise<void>;
  /** At most `limit` jobs after a position, newest first; a page may be short and yet not be the last. */
  page(filter: JobFilter, after: JobPosition | null, limit: number): Promise<IndexPage>;
  /** How many jobs there are of that kind. */
  count(filter: JobFilter): Promise<number>;
  /** Statistics per hour and type, from the hour of `from` up to `to`; epoch milliseconds. */
  stats(from: number, to: number, type: string | null): Promise<HourStats[]>;
};

/** A fresh stub of the tenant's job index. */
export function jobIndexObject(env: Env, tenant: string): JobIndexApi {
  return env.JOB_INDEXES.getByName(tenant) as unknown as JobIndexApi;
}
