/**
 * What a job publishes to its tenant's index. Always the whole entry, so the newest update makes up for lost ones.
 */

import type { JobStatus } from "../core/job.ts";
import type { JobView } from "./views.ts";

/** Every `…At` is epoch milliseconds, every `…Ms` a duration in milliseconds. */
export type IndexEntry = {
  /** The job as it is listed: without a large result. Its `version` orders updates. */
  job: JobView;
  partition: IndexPartition;
  createdAt: number;
  finishedAt: number | null;
  /** When an unfinished job must change by itself; null for a finished one. */
  dueAt: number | null;
  /** When a finished job is to be purged. */
  purgeAt: number | null;
  /** From due until the first attempt began. */
  queueTimeMs: number | null;
  /** From the beginning of the first attempt until the job finished. */
  runTimeMs: number | null;
};

/** A part of a tenant's index: the jobs that were accepted from `from` up to `until` (exclusive), or a share of them. */
export type IndexPartition = { name: string; from: number; until: number };

/** The position of a job in the list: newest first, and within a millisecond by id. */
export type JobPosition = { createdAt: number; id: string };

/** Which jobs; an empty or absent part matches all. `createdAfter` is inclusive, `createdBefore` exclusive. */
export type JobFilter = {
  statuses: readonly JobStatus[];
  types: readonly string[];
  /** Excluded types, whatever else matches. */
  exceptTypes?: readonly string[];
  createdAfter: number | null;
  createdBefore: number | null;
  metadata: Readonly<Record<string, string>>;
};

/** The position of a job, and the key of its row. */
export type IndexRowKey = JobPosition & { type: string; status: JobStatus };

/** The row an entry belongs in. */
export function toRowKey({ job, createdAt }: IndexEntry): IndexRowKey {
  return { type: job.type, status: job.status, createdAt, id: job.id };
}

/** A distinct index key for each metadata pair. */
export function toIndexKeys(metadata: Readonly<Record<string, string>>): string[] {
  return Object.entries(metadata).map((pair) => JSON.stringify(pair));
}
