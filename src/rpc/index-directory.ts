/** The calls of a tenant's index directory: which partitions its job index has, and the counts of those that are gone. */

import type { Env } from "../env.ts";
import type { IndexPartition } from "./index-entry.ts";
import type { StatsRow } from "./job-stats.ts";
import { tenantObject } from "./location.ts";

export type IndexDirectoryApi = {
  /** Enters a partition that has its first job. May be repeated. */
  register(partition: IndexPartition): Promise<void>;
  /** Takes a partition out that is about to delete itself, and keeps its counts. May be repeated. */
  retire(name: string, stats: StatsRow[]): Promise<void>;
  /** All partitions, the newest first. */
  partitions(): Promise<IndexPartition[]>;
  /** The counts of retired partitions from the hour of `from` up to `to`. */
  stats(from: number, to: number, type: string | null): Promise<StatsRow[]>;
  /** Deletes the directory. */
  erase(): Promise<void>;
};

/** A fresh stub of the tenant's directory. */
export function indexDirectory(env: Env, tenant: string): IndexDirectoryApi {
  return tenantObject(env, "INDEX_DIRECTORIES", tenant) as unknown as IndexDirectoryApi;
}
