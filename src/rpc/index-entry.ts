/** What a job tells its tenant's listing of itself: always the whole, so that the newest word makes up for any lost. */

import type { JobStatus } from "../core/job.ts";
import type { JobView } from "./views.ts";

/** Every `…At` is epoch milliseconds, every `…Ms` a duration in milliseconds. */
export type IndexEntry = {
  /** The job as it is listed: without a large result. Its `version` says which word is newer. */
  job: JobView;
  createdAt: number;
  finishedAt: number | null;
  /** When an unfinished job must have moved by itself; null for a finished one. */
  dueAt: number | null;
  /** When a finished job is to be purged. */
  purgeAt: number | null;
  /** From due until the first attempt began. */
  queueTimeMs: number | null;
  /** From the beginning of the first attempt until the job finished. */
  runTimeMs: number | null;
};

/** Where a job stands in the listing: newest first, and of two made in the same millisecond by id. */
export type JobPosition = { createdAt: number; id: string };

/** Which jobs; an empty or absent part asks for nothing. Times are exclusive. */
export type JobFilter = {
  statuses: readonly JobStatus[];
  types: readonly string[];
  /** Types that are left out whatever else is asked. */
  exceptTypes?: readonly string[];
  createdAfter: number | null;
  createdBefore: number | null;
  metadata: Readonly<Record<string, string>>;
};

/** A job's place among the others, and the row it is known by. */
export type IndexRowKey = JobPosition & { type: string; status: JobStatus };

/** The row an entry belongs in. */
export function toRowKey({ job, createdAt }: IndexEntry): IndexRowKey {
  return { type: job.type, status: job.status, createdAt, id: job.id };
}

/** A label for each pair, that no other pair has. */
export function toIndexKeys(metadata: Readonly<Record<string, string>>): string[] {
  return Object.entries(metadata).map((pair) => JSON.stringify(pair));
}
