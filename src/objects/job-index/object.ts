/**
 * The listing of one tenant: which jobs there are, and what became of them. It is no truth of its own, only what jobs
 * have said of themselves. What it does not hear it asks for: a job that should have moved, and one whose time is
 * over, is knocked on. Nothing is stored before the first job is heard of.
 */

import { DurableObject } from "cloudflare:workers";
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
import type { OverdueJobs } from "./overdue.ts";
import { openStatsStore } from "./stats-store.ts";
import { IndexStore } from "./store.ts";

/** The first news after a pause is written at once; under load, what comes within a second is written together. */
const WRITE_INTERVAL_MS = 1_000;

/** So long after it should have moved a job is knocked on: its own alarm may be a little late. */
const RECONCILE_GRACE_MS = 60_000;

/** The listing looks for such jobs at most this often, and knocks on so many at a time. */
const SWEEP_INTERVAL_MS = 60_000;
const RECONCILE_MAX = 200;
const RECONCILE_CONCURRENCY = 20;

/** A job that could not be asked is left alone for so long, and keeps nobody else waiting. */
const RECONCILE_BACKOFF_MS = 5 * 60_000;

/** Of each type and status, so many of the oldest finished jobs are looked at for what has expired: they expire first. */
const PURGE_WINDOW = 500;

/** Where there are more, all are looked at so often: how long jobs are kept may differ, and may have been changed. */
const FULL_SWEEP_INTERVAL_MS = 6 * 60 * 60_000;

const FULL_SWEEP_AT_KEY = "reviewed_whole_at";

const TENANT_KEY = "tenant";

export class JobIndexObject extends DurableObject<Env> implements JobIndexApi {
  readonly #entries = new IndexStore(this.ctx.storage);
  readonly #stats = openStatsStore(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);
  #tenant = this.ctx.storage.kv.get<string>(TENANT_KEY);
  /** What was announced and is not yet written: of each job, by time and id, the last word. */
  #pending = new Map<string, IndexEntry>();
  #wroteAt = 0;
  #isWriteDue = false;
  /** Jobs that could not be asked, by id, and until when they are left alone. */
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
      log("error", "alarm_failed", { object: `listing of ${this.#tenant}`, error });
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

  /** Entries and sums in one commit, so that nothing is counted twice. */
  #write(): void {
    this.#isWriteDue = false;
    if (this.#pending.size === 0) return;
    this.#wroteAt = now();
    const tally = this.#stats.openBatch();
    for (const entry of this.#pending.values()) {
      const change = this.#entries.save(entry, now());
      if (change?.isNew) tally.countAccepted(entry);
      if (change?.hasFinished) {
        tally.countFinished(entry);
        this.#recordMetrics(entry);
      }
      if (change) this.#scheduleSweep(entry);
    }
    tally.save();
    this.#pending = new Map();
  }

  /** Sees to it that this job is reviewed in time, and if the alarm was lost, that all the others soon are, too. */
  #scheduleSweep(entry: IndexEntry): void {
    this.#alarm.fireBy(this.#alarm.isLost() ? now() + SWEEP_INTERVAL_MS : nextSweepAt(entry));
  }

  /** Asks the jobs that should have moved or be gone. Goes on at once while there are more, and some answer. */
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

  /** What the job says now counts; one that is gone, or was made anew since, is listed no more under this key. */
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

/** Never at once: a job whose clock is behind the listing's has not moved yet, however often it is knocked on. */
function nextSweepAt({ dueAt, purgeAt }: IndexEntry): number {
  const at = dueAt === null ? (purgeAt ?? 0) : dueAt + RECONCILE_GRACE_MS;
  return Math.max(at, now() + SWEEP_INTERVAL_MS);
}
