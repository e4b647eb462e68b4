/**
 * Finds jobs that should have changed and asks them. It reads a window of the unfinished jobs at a time and goes on from
 * there, so that no turn reads all of them.
 */

import { MINUTE, SECOND } from "../../core/time.ts";
import { log } from "../../lib/log.ts";
import { withRetry } from "../../lib/retry.ts";
import { now, sleep } from "../../lib/runtime.ts";
import type { IndexEntry, IndexRowKey } from "../../rpc/index-entry.ts";
import type { IndexStore, OverdueJobs, SweepPosition } from "./store.ts";

/** A job is reconciled this long after it should have changed, because its own alarm may be a little late. */
const RECONCILE_GRACE_MS = MINUTE;

/** A whole sweep begins at most this often. */
export const SWEEP_INTERVAL_MS = MINUTE;

/** Jobs examined in a turn, jobs asked in a turn, and jobs asked at once. */
const WINDOW = 2_000;
const RECONCILE_MAX = 200;
const RECONCILE_CONCURRENCY = 20;

/** A job that does not answer in this time counts as one that failed. */
const RECONCILE_TIMEOUT_MS = 20 * SECOND;

/** A job that does not respond is retried after this and does not block others. */
const RECONCILE_BACKOFF_MS = 5 * MINUTE;

/** What the partition lends. */
type SweepDependencies = {
  entries: IndexStore;
  /** Asks a job what it is now; null if it is gone. */
  ask: (tenant: string, id: string) => Promise<IndexEntry | null>;
  publishDurably: (tenant: string, entry: IndexEntry) => Promise<boolean>;
};

/** The sweeps of one partition. */
export class Sweeper {
  readonly #partition: SweepDependencies;
  /** Jobs that did not respond, by id, and when they are reconciled again. */
  readonly #backoffUntil = new Map<string, number>();
  /** Where the next turn goes on, and when the jobs examined before it are due. An eviction begins a sweep anew. */
  #position: SweepPosition | null = null;
  #nextAt = Number.POSITIVE_INFINITY;

  constructor(partition: SweepDependencies) {
    this.#partition = partition;
  }

  /** When a job that is due at this time is asked, unless it changed. */
  reconcileAt(dueAt: number): number {
    return dueAt + RECONCILE_GRACE_MS;
  }

  /** One turn. Returns when the next one is due, epoch milliseconds; null if no job waits for anything. */
  async sweep(tenant: string): Promise<number | null> {
    const { overdue, nextAt, position } = this.#find();
    this.#nextAt = Math.min(this.#nextAt, nextAt ?? Number.POSITIVE_INFINITY);
    for (let first = 0; first < overdue.length; first += RECONCILE_CONCURRENCY)
      await Promise.all(
        overdue.slice(first, first + RECONCILE_CONCURRENCY).map((key) => this.#reconcile(tenant, key)),
      );
    this.#position = position;
    const isAnswered = overdue.length === 0 || overdue.some(({ id }) => !this.#backoffUntil.has(id));
    if (position !== null) return isAnswered ? now() + 1 : now() + SWEEP_INTERVAL_MS;
    const dueAt = Math.min(this.#nextAt, ...this.#backoffUntil.values());
    this.#nextAt = Number.POSITIVE_INFINITY;
    if (dueAt === Number.POSITIVE_INFINITY) return overdue.length > 0 ? now() + SWEEP_INTERVAL_MS : null;
    // Never at once: a job whose clock is behind has not changed yet, however often it is reconciled.
    return Math.max(dueAt, now() + SWEEP_INTERVAL_MS);
  }

  #find(): OverdueJobs {
    const at = now();
    for (const [id, until] of this.#backoffUntil) if (until <= at) this.#backoffUntil.delete(id);
    return this.#partition.entries.findOverdue({
      from: this.#position,
      window: WINDOW,
      limit: RECONCILE_MAX,
      graceMs: RECONCILE_GRACE_MS,
      now: at,
      backoffUntil: this.#backoffUntil,
    });
  }

  /** Replaces the entry with the job's own. Deletes it if the job is gone, or was made again under the same id. */
  async #reconcile(tenant: string, key: IndexRowKey): Promise<void> {
    const { entries, publishDurably } = this.#partition;
    const hiddenBy = now() - RECONCILE_GRACE_MS;
    try {
      const entry = await this.#ask(tenant, key.id);
      if (entry?.createdAt !== key.createdAt) entries.delete(key);
      if (!entry) return;
      entries.removeTombstone(key, hiddenBy);
      if (entry.dueAt !== null) this.#nextAt = Math.min(this.#nextAt, this.reconcileAt(entry.dueAt));
      await publishDurably(tenant, entry);
    } catch (error) {
      this.#backoffUntil.set(key.id, now() + RECONCILE_BACKOFF_MS);
      log("warn", "reconcile_failed", { job_id: key.id, tenant, type: key.type, error });
    }
  }

  async #ask(tenant: string, id: string): Promise<IndexEntry | null> {
    const answered = new AbortController();
    const tooLate = sleep(RECONCILE_TIMEOUT_MS, answered.signal).then(() => {
      if (!answered.signal.aborted) throw new Error("The job did not answer in time.");
      return null;
    });
    const answer = withRetry(() => this.#partition.ask(tenant, id));
    return Promise.race([answer, tooLate]).finally(() => answered.abort());
  }
}
