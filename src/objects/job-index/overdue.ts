/** Which jobs to reconcile, and when. Pure: times are arguments, epoch milliseconds. */

import type { IndexEntry, IndexRowKey } from "../../rpc/index-entry.ts";

/** What a review looks for: jobs that should have moved before `overdueAt`, or be gone by `now`. */
export type OverdueQuery = {
  overdueAt: number;
  now: number;
  /** Of finished jobs, only this many of the oldest of each type and status are examined; null for all. */
  window: number | null;
  /** The most jobs to find. */
  limit: number;
  /** Jobs that did not respond, by id, and when they are reconciled again. */
  backoffUntil: ReadonlyMap<string, number>;
};

/** What it found; `nextAt` is when there will be more, as far as is known: of all jobs only if it saw the whole. */
export type OverdueJobs = { overdue: IndexRowKey[]; nextAt: number | null; isComplete: boolean };

/** When a job is reconciled: an unfinished one after it is overdue, a finished one when it is to be purged. */
export function reconcileAt(
  { id, dueAt, purgeAt }: { id: string } & Pick<IndexEntry, "dueAt" | "purgeAt">,
  { overdueAt, now, backoffUntil }: OverdueQuery,
): number {
  const at = dueAt === null ? (purgeAt ?? now) : dueAt + (now - overdueAt);
  return Math.max(at, backoffUntil.get(id) ?? 0);
}
