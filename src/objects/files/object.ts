/**
 * The files object of a tenant: which files there are, and who may read them. The Worker writes and reads the bytes;
 * this object deletes them. What a crash left behind is deleted by the alarm.
 */

import { DurableObject } from "cloudflare:workers";
import { DAY, MINUTE } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import {
  type DatasetRecord,
  type FileQuery,
  type FilesApi,
  fileKey,
  type PendingFile,
  type StoredFile,
} from "../../rpc/files.ts";
import { FileRecords } from "./store.ts";

/** No file takes a day to write: one that is pending for longer was left behind by a crash. */
const STALE_MS = DAY;

/** R2 deletes up to 1,000 objects in a call. */
const FILES_PER_TURN = 500;

const FILES_RETRY_MS = MINUTE;

export class FilesObject extends DurableObject<Env> implements FilesApi {
  readonly #records = new FileRecords(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);

  async begin(file: PendingFile): Promise<boolean> {
    if (!this.#records.begin(file)) return false;
    this.#alarm.fireBy(Math.min(file.createdAt + STALE_MS, file.purgeAt ?? Number.POSITIVE_INFINITY));
    return true;
  }

  async complete(id: string, size: number, sha256: string): Promise<boolean> {
    return this.#records.complete(id, size, sha256);
  }

  async find(id: string): Promise<StoredFile | null> {
    const file = this.#records.find(id);
    return file && !isExpired(file) ? file : null;
  }

  async list(query: FileQuery): Promise<StoredFile[]> {
    return this.#records.list(query).filter((file) => !isExpired(file));
  }

  async delete(id: string): Promise<boolean> {
    const wasThere = this.#records.markDeleted(id);
    await this.#deleteBytes();
    return wasThere;
  }

  async discard(id: string): Promise<void> {
    this.#records.markDiscarded(id);
    await this.#deleteBytes();
  }

  async deleteOfJob(jobId: string): Promise<void> {
    this.#records.markDeletedOfJob(jobId);
    await this.#deleteBytes();
  }

  async usage(): Promise<{ stored_bytes: number; datasets: number }> {
    return this.#records.usage();
  }

  async saveDataset(tenant: string, dataset: Omit<DatasetRecord, "createdAt">): Promise<void> {
    this.#records.saveDataset(tenant, { ...dataset, createdAt: now() });
  }

  async datasets(): Promise<DatasetRecord[]> {
    return this.#records.datasets();
  }

  async removeDataset(name: string): Promise<void> {
    this.#records.removeDataset(name);
  }

  async erase(): Promise<boolean> {
    const marked = this.#records.markAll(FILES_PER_TURN);
    await this.#deleteBytes();
    if (marked > 0 || this.#records.deleted(1).length > 0) return true;
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#alarm.clear();
      await this.ctx.storage.deleteAll();
      this.#records.reset();
    });
    return false;
  }

  /** Never throws: the platform gives a failing alarm up after six retries. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    this.#records.markStale(now() - STALE_MS, FILES_PER_TURN);
    this.#records.markExpired(now(), FILES_PER_TURN);
    await this.#deleteBytes();
    const oldestAt = this.#records.oldestPendingAt();
    if (oldestAt !== null) this.#alarm.fireBy(oldestAt + STALE_MS);
    const purgeAt = this.#records.nextPurgeAt();
    if (purgeAt !== null) this.#alarm.fireBy(Math.max(purgeAt, now() + 1));
  }

  /** Deletes the bytes of files that are marked, then their records. What fails or is left is done by the alarm. */
  async #deleteBytes(): Promise<void> {
    const { tenant } = this.#records;
    const ids = this.#records.deleted(FILES_PER_TURN);
    if (tenant === undefined || ids.length === 0) return;
    this.#alarm.fireBy(now() + FILES_RETRY_MS);
    try {
      await this.env.FILES.delete(ids.map((id) => fileKey(tenant, id)));
      this.#records.remove(ids);
    } catch (error) {
      log("warn", "file_delete_failed", { tenant, files: ids.length, error });
      return;
    }
    if (ids.length === FILES_PER_TURN) this.#alarm.fireBy(now() + 1);
  }
}

/** The alarm purges it soon; readers no longer find it. */
function isExpired({ purgeAt }: StoredFile): boolean {
  return purgeAt !== null && purgeAt <= now();
}
