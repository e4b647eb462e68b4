/** Which jobs of a listing are to be asked how they stand, and when. Pure: times come in as values, epoch milliseconds. */

import type { IndexEntry, IndexRowKey } from "../../rpc/index-entry.ts";

/** What a review looks for: jobs that should have moved before `overdueAt`, or be gone by `now`. */
export type OverdueQuery = {
  overdueAt: number;
  now: number;
  /** Of finished jobs, so many of the oldest of each type and status are looked at; null for all of them. */
  window: number | null;
  /** Jobs found are at most so many. */
  limit: number;
  /** Jobs that are left alone until a time, by id. */
  backoffUntil: ReadonlyMap<string, number>;
};

/** What it found; `nextAt` is when there will be more, as far as is known: of all jobs only if it saw the whole. */
export type OverdueJobs = { overdue: IndexRowKey[]; nextAt: number | null; isComplete: boolean };

/** When a job is to be asked: an unfinished one so long after it is due, a finished one when its time is over. */
export function reconcileAt(
  { id, dueAt, purgeAt }: { id: string } & Pick<IndexEntry, "dueAt" | "purgeAt">,
  { overdueAt, now, backoffUntil }: OverdueQuery,
): number {
  const at = dueAt === null ? (purgeAt ?? now) : dueAt + (now - overdueAt);
  return Math.max(at, backoffUntil.get(id) ?? 0);
}
