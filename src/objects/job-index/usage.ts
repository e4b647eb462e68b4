/** How many jobs of a partition are unfinished, and how many are stored. Follows from the statistics, so nothing more is written. */

import { DAY } from "../../core/time.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import type { JobCounts } from "../../rpc/job-index.ts";
import { purgeDayOf } from "./purge-day.ts";
import type { StatsStore } from "./stats-store.ts";

/** The counts of one partition; read once, then kept up to date. */
export class PartitionUsage {
  readonly #stats: StatsStore;
  #counts: { unfinished: number; byPurgeDay: Map<number, number> } | null = null;

  constructor(stats: StatsStore) {
    this.#stats = stats;
  }

  at(now: number): JobCounts {
    const { unfinished, byPurgeDay } = this.#load();
    const today = Math.floor(now / DAY);
    let finished = 0;
    for (const [day, jobs] of byPurgeDay) {
      if (day > today) finished += jobs;
    }
    return { unfinished_jobs: unfinished, stored_jobs: unfinished + finished };
  }

  /** Adds what was written since; before the first question there is nothing to keep up to date. */
  add(accepted: number, finished: readonly IndexEntry[]): void {
    const counts = this.#counts;
    if (!counts) return;
    counts.unfinished += accepted - finished.length;
    for (const { purgeAt } of finished) {
      if (purgeAt === null) continue;
      const day = purgeDayOf(purgeAt);
      counts.byPurgeDay.set(day, (counts.byPurgeDay.get(day) ?? 0) + 1);
    }
  }

  /** To be called when the storage has changed otherwise. */
  reset(): void {
    this.#counts = null;
  }

  #load() {
    if (this.#counts) return this.#counts;
    const counts = { unfinished: 0, byPurgeDay: new Map<number, number>() };
    for (const row of this.#stats.read(0, Number.MAX_SAFE_INTEGER, null)) {
      counts.unfinished += row.accepted - row.succeeded - row.failed - row.cancelled;
      for (const [day, jobs] of Object.entries(row.byPurgeDay ?? {}))
        counts.byPurgeDay.set(Number(day), (counts.byPurgeDay.get(Number(day)) ?? 0) + jobs);
    }
    this.#counts = counts;
    return counts;
  }
}
