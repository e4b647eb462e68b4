/**
 * A partition of a tenant's job index: a projection of the jobs that were accepted in a period. Jobs push updates; overdue
 * jobs are reconciled. Nothing is stored before the first update. When all its jobs are purged, it deletes itself.
 *
 * An object stores 10 GB, and then writes fail. So nothing here depends on being able to write: updates that cannot be
 * stored are dropped, and reading, deleting and sweeping go on.
 */

import { DurableObject } from "cloudflare:workers";
import { DAY, MINUTE, SECOND } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { withRetry } from "../../lib/retry.ts";
import { now, sleep } from "../../lib/runtime.ts";
import { indexDirectory } from "../../rpc/index-directory.ts";
import {
  type IndexEntry,
  type IndexPartition,
  type JobFilter,
  type JobPosition,
  toRowKey,
} from "../../rpc/index-entry.ts";
import { jobObject } from "../../rpc/job.ts";
import type { IndexPage, JobCounts, JobIndexApi } from "../../rpc/job-index.ts";
import type { StatsRow } from "../../rpc/job-stats.ts";
import type { JobView } from "../../rpc/views.ts";
import { openStatsStore } from "./stats-store.ts";
import { IndexStore } from "./store.ts";
import { SWEEP_INTERVAL_MS, Sweeper } from "./sweeper.ts";
import { PartitionUsage } from "./usage.ts";

/** The first update after an idle second is written immediately; later ones are batched per second. */
const WRITE_INTERVAL_MS = SECOND;

/** Updates that wait to be written, at most. The oldest are dropped; their jobs publish them again. */
const PENDING_MAX = 5_000;

/** Above this size, entries are stored without what can be read from the job. */
const SLIM_ABOVE_BYTES = 7_000_000_000;

/** A partition deletes itself so long after its last job was due to be purged. */
const RETIRE_AFTER_MS = DAY;

/** Trouble with writing is logged at most this often. */
const TROUBLE_LOG_INTERVAL_MS = MINUTE;

const TENANT_KEY = "tenant";
const PARTITION_KEY = "partition";
const REGISTERED_KEY = "registered";
/** A time after which no job is left; rounded up to a day, so that it is seldom written. */
const LAST_PURGE_KEY = "last_purge_at";

export class JobIndexObject extends DurableObject<Env> implements JobIndexApi {
  readonly #entries = new IndexStore(this.ctx.storage);
  readonly #stats = openStatsStore(this.ctx.storage);
  readonly #usage = new PartitionUsage(this.#stats);
  readonly #alarm = openAlarm(this.ctx);
  readonly #sweeper = new Sweeper({
    entries: this.#entries,
    ask: (tenant, id) => jobObject(this.env, tenant, id).reconcile(),
    publishDurably: (tenant, entry) => this.publishDurably(tenant, entry),
  });
  #tenant = this.ctx.storage.kv.get<string>(TENANT_KEY);
  #partition = this.ctx.storage.kv.get<IndexPartition>(PARTITION_KEY);
  /** Updates that are not written yet: the newest of each job, by time and id. */
  #pending = new Map<string, IndexEntry>();
  #wroteAt = 0;
  #isWriteDue = false;
  #troubleLoggedAt = 0;

  async publish(tenant: string, entry: IndexEntry): Promise<void> {
    this.#receive(tenant, entry);
    if (this.#isWriteDue) return;
    const waitMs = this.#wroteAt + WRITE_INTERVAL_MS - now();
    if (waitMs <= 0) {
      this.#writeIfPossible();
      return;
    }
    this.#isWriteDue = true;
    this.ctx.waitUntil(sleep(waitMs).then(() => this.#writeIfPossible()));
  }

  async publishDurably(tenant: string, entry: IndexEntry): Promise<boolean> {
    this.#receive(tenant, entry);
    const isStored = this.#writeIfPossible();
    await this.#register();
    return isStored;
  }

  /** Where no tombstone can be written, the rows are deleted: then a late update may list the job again for a while. */
  async markDeleted(tenant: string, entry: IndexEntry): Promise<void> {
    this.#receive(tenant, entry);
    this.#writeIfPossible();
    const key = toRowKey(entry);
    this.#pending.delete(pendingNameOf(entry));
    try {
      this.#countDeleted(entry);
      this.#entries.addTombstone(key, now());
      this.#alarm.fireBy(now() + SWEEP_INTERVAL_MS);
    } catch {
      this.#entries.deleteAnyStatus(key);
    }
  }

  /** A repeated call finds the tombstone, and counts nothing. */
  #countDeleted(entry: IndexEntry): void {
    if (!this.#entries.isListed(toRowKey(entry))) return;
    const batch = this.#stats.openBatch();
    batch.countDeleted(entry);
    batch.save();
    this.#usage.reset();
  }

  async page(filter: JobFilter, after: JobPosition | null, limit: number): Promise<IndexPage> {
    if (this.#tenant === undefined) return { jobs: [], next: null };
    this.#prepareRead();
    return this.#entries.page(filter, after, limit, now());
  }

  async count(filter: JobFilter): Promise<number> {
    if (this.#tenant === undefined) return 0;
    this.#prepareRead();
    return this.#entries.count(filter, now());
  }

  async stats(from: number, to: number, type: string | null): Promise<StatsRow[]> {
    if (this.#tenant === undefined) return [];
    this.#prepareRead();
    return this.#stats.read(from, to, type);
  }

  async usage(): Promise<JobCounts> {
    if (this.#tenant === undefined) return { unfinished_jobs: 0, stored_jobs: 0 };
    this.#prepareRead();
    return this.#usage.at(now());
  }

  async erase(): Promise<void> {
    await this.#deleteAll();
  }

  /** Never throws: an alarm that fails six times is lost, and with it what it was to look after. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    try {
      await this.#lookAfterAll();
    } catch (error) {
      this.#alarm.fireBy(now() + SWEEP_INTERVAL_MS);
      log("error", "alarm_failed", {
        object: `job index ${this.#partition?.name} of ${this.#tenant}`,
        error,
      });
    }
  }

  /** The sweep goes on where nothing can be written. */
  async #lookAfterAll(): Promise<void> {
    if (this.#tenant === undefined || !this.#partition) return;
    this.#writeIfPossible();
    const sweepAt = await this.#sweeper.sweep(this.#tenant);
    await this.#register();
    if (now() >= this.#retireAt() && !this.#entries.hasUnsettled()) return this.#retire();
    this.#alarm.fireBy(
      Math.min(sweepAt ?? Number.POSITIVE_INFINITY, Math.max(this.#retireAt(), now() + DAY)),
    );
  }

  /** A read shows what is pending, and sets a lost alarm again. */
  #prepareRead(): void {
    this.#writeIfPossible();
    if (this.#alarm.isLost()) this.#alarm.fireBy(now() + SWEEP_INTERVAL_MS);
  }

  #receive(tenant: string, entry: IndexEntry): void {
    const name = pendingNameOf(entry);
    const known = this.#pending.get(name);
    if (!known || known.job.version <= entry.job.version) this.#pending.set(name, entry);
    if (this.#tenant !== undefined) return;
    this.ctx.storage.kv.put(TENANT_KEY, tenant);
    this.ctx.storage.kv.put(PARTITION_KEY, entry.partition);
    this.#tenant = tenant;
    this.#partition = entry.partition;
    this.#entries.createTable();
    this.#stats.createTable();
    this.ctx.waitUntil(this.#register().catch(() => undefined));
  }

  /** Until the directory knows of this partition, no list shows it. What fails is repeated by the alarm and by jobs. */
  async #register(): Promise<void> {
    const { kv } = this.ctx.storage;
    if (this.#tenant === undefined || !this.#partition || kv.get(REGISTERED_KEY)) return;
    this.#alarm.fireBy(now() + SWEEP_INTERVAL_MS);
    const [tenant, partition] = [this.#tenant, this.#partition];
    await withRetry(() => indexDirectory(this.env, tenant).register(partition));
    kv.put(REGISTERED_KEY, true);
  }

  /** What cannot be written stays pending, within bounds. */
  #writeIfPossible(): boolean {
    try {
      this.#write();
      return true;
    } catch (error) {
      for (const name of [...this.#pending.keys()].slice(0, -PENDING_MAX)) this.#pending.delete(name);
      if (now() < this.#troubleLoggedAt + TROUBLE_LOG_INTERVAL_MS) return false;
      this.#troubleLoggedAt = now();
      const { name } = this.#partition ?? {};
      log("error", "index_write_failed", {
        tenant: this.#tenant,
        partition: name,
        pending: this.#pending.size,
        error,
      });
      return false;
    }
  }

  /** Writes entries and statistics in one commit, so that no job is counted twice. Throws if it cannot. */
  #write(): void {
    this.#isWriteDue = false;
    if (this.#pending.size === 0) return;
    this.#wroteAt = now();
    const isSlim = this.ctx.storage.sql.databaseSize > SLIM_ABOVE_BYTES;
    const finished: IndexEntry[] = [];
    let accepted = 0;
    this.ctx.storage.transactionSync(() => {
      const batch = this.#stats.openBatch();
      for (const entry of this.#pending.values()) {
        const change = this.#entries.save(isSlim ? toSlim(entry) : entry, now());
        if (change?.isNew) {
          batch.countAccepted(entry);
          accepted += 1;
        }
        if (change?.hasFinished) {
          batch.countFinished(entry);
          finished.push(entry);
        }
        if (change) this.#schedule(entry);
      }
      batch.save();
    });
    this.#pending = new Map();
    this.#usage.add(accepted, finished);
    for (const entry of finished) this.#recordMetrics(entry);
  }

  /** Sets the alarm for this job; if the alarm was lost, for all jobs soon. */
  #schedule({ dueAt, purgeAt }: IndexEntry): void {
    const soon = now() + SWEEP_INTERVAL_MS;
    if (purgeAt !== null && purgeAt > this.#lastPurgeAt())
      this.ctx.storage.kv.put(LAST_PURGE_KEY, Math.ceil(purgeAt / DAY + 1) * DAY);
    const at = dueAt === null ? this.#retireAt() : this.#sweeper.reconcileAt(dueAt);
    this.#alarm.fireBy(this.#alarm.isLost() ? soon : Math.max(soon, at));
  }

  #lastPurgeAt(): number {
    return this.ctx.storage.kv.get<number>(LAST_PURGE_KEY) ?? 0;
  }

  #retireAt(): number {
    return Math.max(this.#partition?.until ?? 0, this.#lastPurgeAt()) + RETIRE_AFTER_MS;
  }

  /** Hands the counts over to the directory, then deletes everything. */
  async #retire(): Promise<void> {
    if (this.#tenant === undefined || !this.#partition) return;
    const counts = this.#stats.read(0, Number.MAX_SAFE_INTEGER, null);
    await indexDirectory(this.env, this.#tenant).retire(this.#partition.name, counts);
    await this.#deleteAll();
  }

  async #deleteAll(): Promise<void> {
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#alarm.clear();
      this.#tenant = undefined;
      this.#partition = undefined;
      this.#pending = new Map();
      this.#usage.reset();
      await this.ctx.storage.deleteAll();
    });
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

function pendingNameOf({ createdAt, job }: IndexEntry): string {
  return `${createdAt}/${job.id}`;
}

/** The entry without attempts and result, which the job itself still has. */
function toSlim(entry: IndexEntry): IndexEntry {
  const job = { ...entry.job, attempts: [] };
  return { ...entry, job: ("result" in job ? { ...job, result: null } : job) as JobView };
}
