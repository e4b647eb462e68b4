/**
 * The calls of a partition of a tenant's job index. Jobs publish to it and clients query it; no job waits for it.
 * tenant-index.ts makes one index of them.
 */

import type { Job } from "../core/job.ts";
import type { Env } from "../env.ts";
import { fnv1a } from "../lib/hash.ts";
import type { IndexEntry, IndexPartition, JobFilter, JobPosition } from "./index-entry.ts";
import type { StatsRow } from "./job-stats.ts";
import { tenantObject } from "./location.ts";
import type { JobView } from "./views.ts";

/** A page of the index; `next` is null at the end of the list. */
export type IndexPage = { jobs: JobView[]; next: JobPosition | null };

/** How many jobs of a partition have not finished, and how many are stored at all. */
export type JobCounts = { unfinished_jobs: number; stored_jobs: number };

export type JobIndexApi = {
  /** Takes an entry unless a newer one is known. An eviction may lose it; `publishDurably` does not. */
  publish(tenant: string, entry: IndexEntry): Promise<void>;
  /** As `publish`, but resolves when it is stored; false if the partition is full. */
  publishDurably(tenant: string, entry: IndexEntry): Promise<boolean>;
  /** Takes a job that is being deleted out of the list, whether or not it was listed. */
  markDeleted(tenant: string, entry: IndexEntry): Promise<void>;
  /** At most `limit` jobs after a position, newest first; a page may be short and yet not be the last. */
  page(filter: JobFilter, after: JobPosition | null, limit: number): Promise<IndexPage>;
  /** How many jobs there are of that kind. */
  count(filter: JobFilter): Promise<number>;
  /** Statistics per hour and type, from the hour of `from` up to `to`; epoch milliseconds. */
  stats(from: number, to: number, type: string | null): Promise<StatsRow[]>;
  usage(): Promise<JobCounts>;
  /** Deletes the partition, whatever is in it. */
  erase(): Promise<void>;
};

/** The partition that a job is listed in, for ever: a later change of the layout moves no job. */
export function partitionOf({
  id,
  createdAt,
  policy,
}: Pick<Job, "id" | "createdAt" | "policy">): IndexPartition {
  const { period, shards } = policy.index;
  const date = new Date(createdAt);
  const [year, month, day, hour] = [
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
  ];
  const name = (chars: number) => `${date.toISOString().slice(0, chars)}/${fnv1a(id) % shards}`;
  switch (period) {
    case "month":
      return { name: name(7), from: Date.UTC(year, month), until: Date.UTC(year, month + 1) };
    case "day":
      return { name: name(10), from: Date.UTC(year, month, day), until: Date.UTC(year, month, day + 1) };
    case "hour":
      return {
        name: name(13),
        from: Date.UTC(year, month, day, hour),
        until: Date.UTC(year, month, day, hour + 1),
      };
  }
}

/** A fresh stub of a partition. */
export function partitionObject(env: Env, tenant: string, name: string): JobIndexApi {
  return tenantObject(env, "JOB_INDEXES", tenant, `/${name}`) as unknown as JobIndexApi;
}
