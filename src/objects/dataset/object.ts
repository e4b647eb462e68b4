/**
 * The object of one dataset. An import stages a generation and publishes it at the end, so readers see either the old
 * rows or the new ones. The alarm deletes what was replaced or given up, and what a job that is over left staged.
 */

import { DurableObject } from "cloudflare:workers";
import { HOUR, MINUTE } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import type { Chunk, ChunkKind, Dataset, DatasetApi, StoredChunk } from "../../rpc/dataset.ts";
import { jobObject } from "../../rpc/job.ts";
import { Generations, type StagedGeneration } from "./store.ts";

/** A chunk has up to 1 MB; so many keep a turn short. */
const CHUNKS_PER_TURN = 100;

/** No import pauses for so long between two batches: its job may be over. */
const IMPORT_IDLE_MS = HOUR;

const DATASET_RETRY_MS = MINUTE;

export class DatasetObject extends DurableObject<Env> implements DatasetApi {
  readonly #generations = new Generations(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);

  async describe(): Promise<Omit<Dataset, "name"> | null> {
    return this.#generations.live();
  }

  async chunk(generation: string, kind: ChunkKind, after: number): Promise<StoredChunk | null> {
    return this.#generations.nextChunk(generation, kind, after);
  }

  async begin(tenant: string, jobId: string, generation: string, columns: string[]): Promise<void> {
    this.#generations.begin(tenant, jobId, generation, columns, now());
    this.#keepAlarm();
  }

  async resume(generation: string): Promise<string[] | null> {
    return this.#generations.columnsOfStaged(generation);
  }

  async stage(generation: string, chunks: Record<ChunkKind, Chunk[]>): Promise<boolean> {
    return this.#generations.append(generation, chunks, now());
  }

  async publish(generation: string): Promise<Omit<Dataset, "name"> | null> {
    const published = this.#generations.publish(generation, now());
    this.#keepAlarm();
    return published;
  }

  async discard(generation: string): Promise<void> {
    this.#generations.discard(generation);
    this.#keepAlarm();
  }

  async delete(which: "live" | "all"): Promise<boolean> {
    const wasThere = this.#generations.live() !== null;
    this.#generations.discardLive(which === "all");
    this.#keepAlarm();
    return wasThere;
  }

  /** Never throws: the platform gives a failing alarm up after six retries. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    try {
      for (const staged of this.#generations.staged()) await this.#discardIfOver(staged);
      this.#generations.deleteDiscarded(CHUNKS_PER_TURN);
      if (this.#generations.isEmpty()) await this.#deleteEverything();
      else this.#keepAlarm();
    } catch (error) {
      this.#alarm.fireBy(now() + DATASET_RETRY_MS);
      log("error", "alarm_failed", { object: this.ctx.id.toString(), error });
    }
  }

  /** Asks the job of an import that has paused for long; gives its rows up if the job is over. */
  async #discardIfOver({ id, jobId, changedAt }: StagedGeneration): Promise<void> {
    const { tenant } = this.#generations;
    if (tenant === undefined || now() < changedAt + IMPORT_IDLE_MS) return;
    const snapshot = await jobObject(this.env, tenant, jobId).read();
    if (snapshot === null || snapshot.job.finished_at !== null) this.#generations.discard(id);
  }

  async #deleteEverything(): Promise<void> {
    await this.ctx.blockConcurrencyWhile(async () => {
      await this.ctx.storage.deleteAll();
      this.#generations.reset();
    });
  }

  /** Deletes without delay what was given up, and looks at imports again while any is open. */
  #keepAlarm(): void {
    if (this.#generations.hasDiscarded()) this.#alarm.fireBy(now() + 1);
    else if (this.#generations.staged().length > 0) this.#alarm.fireBy(now() + IMPORT_IDLE_MS);
  }
}
