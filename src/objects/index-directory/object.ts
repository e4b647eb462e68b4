/**
 * The directory of a tenant's job index: which partitions there are, and what became of the jobs of those that are gone.
 * It is written when a partition begins and when it ends.
 */

import { DurableObject } from "cloudflare:workers";
import { DAY } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { now } from "../../lib/runtime.ts";
import type { IndexDirectoryApi } from "../../rpc/index-directory.ts";
import type { IndexPartition } from "../../rpc/index-entry.ts";
import type { StatsRow } from "../../rpc/job-stats.ts";
import { openStatsStore } from "../job-index/stats-store.ts";

/** Counts are kept for so long. */
const STATS_KEPT_MS = 400 * DAY;

const PARTITION_PREFIX = "partition/";

export class IndexDirectoryObject extends DurableObject<Env> implements IndexDirectoryApi {
  readonly #stats = openStatsStore(this.ctx.storage);

  async register(partition: IndexPartition): Promise<void> {
    this.ctx.storage.kv.put(PARTITION_PREFIX + partition.name, partition);
  }

  /** In one commit, so that counts are kept once, however often this is called. */
  async retire(name: string, stats: StatsRow[]): Promise<void> {
    const { kv } = this.ctx.storage;
    if (kv.get(PARTITION_PREFIX + name) === undefined) return;
    this.#stats.createTable();
    kv.delete(PARTITION_PREFIX + name);
    this.#stats.add(stats);
    this.#stats.prune(now() - STATS_KEPT_MS);
  }

  async partitions(): Promise<IndexPartition[]> {
    const stored = this.ctx.storage.kv.list<IndexPartition>({ prefix: PARTITION_PREFIX });
    return Array.from(stored, ([, partition]) => partition).sort(
      (one, other) => other.until - one.until || other.from - one.from,
    );
  }

  async erase(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  async stats(from: number, to: number, type: string | null): Promise<StatsRow[]> {
    return this.#stats.hasTable() ? this.#stats.read(from, to, type) : [];
  }
}
