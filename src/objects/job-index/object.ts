/**
 * The job index of one tenant: a projection of its jobs. Jobs push updates; overdue jobs are reconciled. Nothing is
 * stored before the first update.
 */

import { DurableObject } from "cloudflare:workers";
import { HOUR, MINUTE, SECOND } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { now, sleep } from "../../lib/runtime.ts";
import {
  type IndexEntry,
  type IndexRowKey,
  type JobFilter,
  type JobPosition,
  toRowKey,
} from "../../rpc/index-entry.ts";
import { jobObject } from "../../rpc/job.ts";
import type { HourStats, IndexPage, JobIndexApi } from "../../rpc/job-index.ts";
import { openStatsStore } from "./stats-store.ts";
import { IndexStore, type OverdueJobs } from "./store.ts";

/** The first update after an idle second is written immediately; later ones are batched per second. */
const WRITE_INTERVAL_MS = SECOND;

/** A job is reconciled this long after it should have changed, because its own alarm may be a little late. */
const RECONCILE_GRACE_MS = MINUTE;

/** The sweep runs at most this often, over so many jobs, so many of them at once. */
const SWEEP_INTERVAL_MS = MINUTE;
const RECONCILE_MAX = 200;
const RECONCILE_CONCURRENCY = 20;

/** A job that does not respond is retried after this and does not block others. */
const RECONCILE_BACKOFF_MS = 5 * MINUTE;

/**
 * Of each type and status, the sweep examines this many of the oldest finished jobs, because they are purged first.
 */
const PURGE_WINDOW = 500;

/** Where there are more, all are looked at so often: how long jobs are kept may differ, and may have been changed. */
const FULL_SWEEP_INTERVAL_MS = 6 * HOUR;

const FULL_SWEEP_AT_KEY = "reviewed_whole_at";

const TENANT_KEY = "tenant";

export class JobIndexObject extends DurableObject<Env> implements JobIndexApi {
  readonly #entries = new IndexStore(this.ctx.storage);
  readonly #stats = openStatsStore(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);
  #tenant = this.ctx.storage.kv.get<string>(TENANT_KEY);
  /** Updates that are not written yet: the newest of each job, by time and id. */
  #pending = new Map<string, IndexEntry>();
  #wroteAt = 0;
  #isWriteDue = false;
  /** Jobs that did not respond, by id, and when they are reconciled again. */
  #backoffUntil = new Map<string, number>();

  async publish(tenant: string, entry: IndexEntry): Promise<void> {
    this.#receive(tenant, entry);
    if (this.#isWriteDue) return;
    const waitMs = this.#wroteAt + WRITE_INTERVAL_MS - now();
    if (waitMs <= 0) return this.#write();
    this.#isWriteDue = true;
    this.ctx.waitUntil(sleep(waitMs).then(() => this.#write()));
  }

  async publishDurably(tenant: string, entry: IndexEntry): Promise<void> {
    this.#receive(tenant, entry);
    this.#write();
  }

  async markDeleted(tenant: string, entry: IndexEntry): Promise<void> {
    this.#receive(tenant, entry);
    this.#write();
    this.#entries.addTombstone(toRowKey(entry), now());
    this.#alarm.fireBy(now() + SWEEP_INTERVAL_MS);
  }

  async page(filter: JobFilter, after: JobPosition | null, limit: number): Promise<IndexPage> {
    if (this.#tenant === undefined) return { jobs: [], next: null };
    this.#write();
    return this.#entries.page(filter, after, limit, now());
  }

  async count(filter: JobFilter): Promise<number> {
    if (this.#tenant === undefined) return 0;
    this.#write();
    return this.#entries.count(filter, now());
  }

  async stats(from: number, to: number, type: string | null): Promise<HourStats[]> {
    if (this.#tenant === undefined) return [];
    this.#write();
    return this.#stats.read(from, to, type);
  }

  /** Never throws: an alarm that fails six times is lost, and with it what it was to look after. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    try {
      this.#write();
      await this.#sweep();
    } catch (error) {
      this.#alarm.fireBy(now() + SWEEP_INTERVAL_MS);
      log("error", "alarm_failed", { object: `job index of ${this.#tenant}`, error });
    }
  }

  #receive(tenant: string, entry: IndexEntry): void {
    if (this.#tenant === undefined) {
      this.ctx.storage.kv.put(TENANT_KEY, tenant);
      this.#tenant = tenant;
      this.#entries.createTable();
      this.#stats.createTable();
    }
    const name = `${entry.createdAt}/${entry.job.id}`;
    const known = this.#pending.get(name);
    if (!known || known.job.version <= entry.job.version) this.#pending.set(name, entry);
  }

  /** Writes entries and statistics in one commit, so that no job is counted twice. */
  #write(): void {
    this.#isWriteDue = false;
    if (this.#pending.size === 0) return;
    this.#wroteAt = now();
    const batch = this.#stats.openBatch();
    for (const entry of this.#pending.values()) {
      const change = this.#entries.save(entry, now());
      if (change?.isNew) batch.countAccepted(entry);
      if (change?.hasFinished) {
        batch.countFinished(entry);
        this.#recordMetrics(entry);
      }
      if (change) this.#scheduleSweep(entry);
    }
    batch.save();
    this.#pending = new Map();
  }

  /** Sets the alarm for this job; if the alarm was lost, for all jobs soon. */
  #scheduleSweep(entry: IndexEntry): void {
    this.#alarm.fireBy(this.#alarm.isLost() ? now() + SWEEP_INTERVAL_MS : nextSweepAt(entry));
  }

  /** Reconciles overdue jobs. Continues at once while there are more and some respond. */
  async #sweep(): Promise<void> {
    const { overdue, nextAt } = this.#findOverdue();
    for (let first = 0; first < overdue.length; first += RECONCILE_CONCURRENCY)
      await Promise.all(
        overdue.slice(first, first + RECONCILE_CONCURRENCY).map((key) => this.#reconcile(key)),
      );
    this.#stats.prune(now());
    const isMoreLeft =
      overdue.length === RECONCILE_MAX && overdue.some(({ id }) => !this.#backoffUntil.has(id));
    const times = [...(nextAt === null ? [] : [nextAt]), ...this.#backoffUntil.values()];
    const soonestAt = times.length === 0 ? now() : Math.min(...times);
    if (isMoreLeft) this.#alarm.fireBy(now() + 1);
    else if (times.length > 0 || overdue.length > 0)
      this.#alarm.fireBy(Math.max(soonestAt, now() + SWEEP_INTERVAL_MS));
  }

  #findOverdue(): Pick<OverdueJobs, "overdue" | "nextAt"> {
    const at = now();
    for (const [id, until] of this.#backoffUntil) if (until <= at) this.#backoffUntil.delete(id);
    const asked = {
      overdueAt: at - RECONCILE_GRACE_MS,
      now: at,
      limit: RECONCILE_MAX,
      backoffUntil: this.#backoffUntil,
    };
    const found = this.#entries.findOverdue({ ...asked, window: PURGE_WINDOW });
    if (found.isComplete) return found;
    const wholeAt = (this.ctx.storage.kv.get<number>(FULL_SWEEP_AT_KEY) ?? 0) + FULL_SWEEP_INTERVAL_MS;
    if (at < wholeAt) return { overdue: found.overdue, nextAt: Math.min(found.nextAt ?? wholeAt, wholeAt) };
    const whole = this.#entries.findOverdue({ ...asked, window: null });
    if (whole.overdue.length < RECONCILE_MAX) this.ctx.storage.kv.put(FULL_SWEEP_AT_KEY, at);
    return whole;
  }

  /** Replaces the entry with the job's own. Deletes it if the job is gone, or was made again under the same id. */
  async #reconcile(key: IndexRowKey): Promise<void> {
    if (this.#tenant === undefined) return;
    const hiddenBy = now() - RECONCILE_GRACE_MS;
    try {
      const entry = await jobObject(this.env, this.#tenant, key.id).reconcile();
      if (entry?.createdAt !== key.createdAt) this.#entries.delete(key);
      if (!entry) return;
      this.#entries.removeTombstone(key, hiddenBy);
      await this.publishDurably(this.#tenant, entry);
      this.#alarm.fireBy(nextSweepAt(entry));
    } catch (error) {
      this.#backoffUntil.set(key.id, now() + RECONCILE_BACKOFF_MS);
      log("warn", "reconcile_failed", { job_id: key.id, tenant: this.#tenant, type: key.type, error });
    }
  }

  /** The same numbers for Analytics Engine, if there is any: attempts, waiting and running time in milliseconds. */
  #recordMetrics({ job, queueTimeMs, runTimeMs }: IndexEntry): void {
    this.env.METRICS?.writeDataPoint({
      indexes: [this.#tenant ?? null],
      blobs: [job.type, job.status],
      doubles: [job.attempt, queueTimeMs ?? -1, runTimeMs ?? -1],
    });
  }
}

/** Never at once: a job whose clock is behind has not changed yet, however often it is reconciled. */
function nextSweepAt({ dueAt, purgeAt }: IndexEntry): number {
  const at = dueAt === null ? (purgeAt ?? 0) : dueAt + RECONCILE_GRACE_MS;
  return Math.max(at, now() + SWEEP_INTERVAL_MS);
}
