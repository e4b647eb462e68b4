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
  type NewUpload,
  type OpenUpload,
  type PendingFile,
  type StoredFile,
  type UploadPart,
  uploadedFileId,
} from "../../rpc/files.ts";
import { FileRecords } from "./store.ts";
import { UploadRecords } from "./upload-store.ts";

/** No file takes a day to write: one that is pending for longer was left behind by a crash. */
const STALE_MS = DAY;

const UPLOADS_PER_TURN = 50;

/** R2 deletes up to 1,000 objects in a call. */
const FILES_PER_TURN = 500;

const FILES_RETRY_MS = MINUTE;

export class FilesObject extends DurableObject<Env> implements FilesApi {
  readonly #records = new FileRecords(this.ctx.storage);
  readonly #uploads = new UploadRecords(this.ctx.storage);
  readonly #alarm = openAlarm(this.ctx);

  async begin(file: PendingFile): Promise<boolean> {
    if (!this.#records.begin(file)) return false;
    this.#alarm.fireBy(Math.min(file.createdAt + STALE_MS, file.purgeAt ?? Number.POSITIVE_INFINITY));
    return true;
  }

  async complete(id: string, size: number, sha256: string | null): Promise<boolean> {
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
    this.#uploads.end(jobId);
    await this.#abortEnded();
    await this.#deleteBytes();
  }

  async beginUpload({ tenant, ...upload }: NewUpload & { tenant: string }): Promise<boolean> {
    this.#records.own(tenant);
    if (!this.#uploads.add(upload)) return false;
    this.#alarm.fireBy(upload.expiresAt);
    return true;
  }

  async findUpload(id: string): Promise<{ upload: OpenUpload; parts: UploadPart[] } | null> {
    const upload = this.#uploads.find(id);
    if (!upload || upload.expiresAt <= now()) return null;
    return { upload, parts: this.#uploads.parts(id) };
  }

  async openUploads(): Promise<OpenUpload[]> {
    return this.#uploads.open().filter(({ expiresAt }) => expiresAt > now());
  }

  async savePart(id: string, part: UploadPart): Promise<boolean> {
    const found = await this.findUpload(id);
    if (!found || found.upload.isCompleted) return false;
    this.#uploads.savePart(id, part);
    return true;
  }

  async completeUpload(id: string, size: number): Promise<StoredFile | null> {
    const found = await this.findUpload(id);
    const { tenant } = this.#records;
    if (!found || tenant === undefined) return null;
    const { contentType, createdAt, jobId, retentionMs } = found.upload;
    const purgeAt = retentionMs === null ? null : createdAt + retentionMs;
    const file = { id: uploadedFileId(id), contentType, createdAt, jobId, purgeAt };
    await this.begin({ tenant, ...file });
    this.#records.complete(file.id, size, null);
    this.#uploads.markCompleted(id);
    return { ...file, size, sha256: null };
  }

  async abortUpload(id: string): Promise<boolean> {
    const found = await this.findUpload(id);
    if (!found || found.upload.isCompleted) return false;
    await this.#abort(found.upload);
    return true;
  }

  async usage(): Promise<{ stored_bytes: number; datasets: number; open_uploads: number }> {
    const { stored_bytes, datasets } = this.#records.usage();
    const open = await this.openUploads();
    return { stored_bytes: stored_bytes + this.#uploads.usedBytes(), datasets, open_uploads: open.length };
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
    this.#uploads.end(null);
    const aborted = await this.#abortEnded();
    await this.#deleteBytes();
    if (aborted > 0) return true;
    if (marked > 0 || this.#records.deleted(1).length > 0) return true;
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#alarm.clear();
      await this.ctx.storage.deleteAll();
      this.#records.reset();
      this.#uploads.reset();
    });
    return false;
  }

  /** Never throws: the platform gives a failing alarm up after six retries. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    this.#records.markStale(now() - STALE_MS, FILES_PER_TURN);
    this.#records.markExpired(now(), FILES_PER_TURN);
    await this.#abortEnded();
    await this.#deleteBytes();
    const expiryAt = this.#uploads.nextExpiryAt();
    if (expiryAt !== null) this.#alarm.fireBy(Math.max(expiryAt, now() + FILES_RETRY_MS));
    const oldestAt = this.#records.oldestPendingAt();
    if (oldestAt !== null) this.#alarm.fireBy(oldestAt + STALE_MS);
    const purgeAt = this.#records.nextPurgeAt();
    if (purgeAt !== null) this.#alarm.fireBy(Math.max(purgeAt, now() + 1));
  }

  /** Aborts uploads whose time is over; answers how many there were. What fails is done by the alarm. */
  async #abortEnded(): Promise<number> {
    const ended = this.#uploads.ended(now(), UPLOADS_PER_TURN);
    await Promise.all(ended.map((upload) => this.#abort(upload)));
    return ended.length;
  }

  /**
   * The record goes last. Its parts may have been joined, by a completion that was cut short. R2 itself drops after seven
   * days what could not be aborted.
   */
  async #abort({ id, multipartId, isCompleted }: OpenUpload): Promise<void> {
    const { tenant } = this.#records;
    if (tenant !== undefined && !isCompleted) {
      const key = fileKey(tenant, uploadedFileId(id));
      await this.env.FILES.resumeMultipartUpload(key, multipartId)
        .abort()
        .catch(() => undefined);
      await this.env.FILES.delete(key).catch((error: unknown) =>
        log("warn", "file_delete_failed", { tenant, files: 1, error }),
      );
    }
    this.#uploads.remove(id);
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
