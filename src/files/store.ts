/**
 * The tenants' files: bytes in R2, one row each in D1. A row is written before its bytes, completed after them and
 * deleted after them. So a failure leaves at most a pending row, which is purged later. Every write makes a new
 * file, so two attempts of a job cannot write into the same one.
 */

import { DAY } from "../core/time.ts";
import type { Env } from "../env.ts";
import { randomId } from "../lib/id.ts";
import { log } from "../lib/log.ts";
import { now } from "../lib/runtime.ts";
import { type Chunks, upload } from "./upload.ts";

/** What a client may upload at most. */
export const UPLOAD_BYTES_MAX = 100 * 1024 * 1024;

/** What a job may produce at most; there to stop a runaway, not to ration. */
const PRODUCT_BYTES_MAX = 1024 * 1024 * 1024;

/** No upload takes a day: a row pending for longer was left behind by a crash. */
const STALE_MS = DAY;
const STALE_PER_SWEEP = 10;
const REMOVE_BATCH = 100;

/** `size` is in bytes, `sha256` lower-case hexadecimal, `createdAt` epoch milliseconds. */
export type StoredFile = { id: string; size: number; contentType: string; sha256: string; createdAt: number };
export type OpenFile = { file: StoredFile; body: ReadableStream<Uint8Array> };

/** Which bytes to read: `length` of them from `offset` on, or all from there. Beyond the end there is nothing. */
export type ByteRange = { offset: number; length?: number };

export type NewFile = {
  tenant: string;
  /** The job that produces it, with which it is purged; null for an upload. */
  jobId: string | null;
  contentType: string;
  chunks: Chunks;
  bytesMax: number;
  /** Asked once the file is on record and before a byte is written; rejects if it must not be written after all. */
  confirm?: () => Promise<void>;
};
export type Created = { ok: true; file: StoredFile } | { ok: false; reason: "too_large" };

/** The tenant's files as a job's code sees them. */
export type JobFiles = {
  /** Opens a file of the tenant from byte `offset` on; null if there is no such file. */
  open(id: string, offset?: number): Promise<OpenFile | null>;
  /** Stores what `chunks` yields as a file of this job; never holds more than one part (5 MiB) in memory. */
  create(contentType: string, chunks: Chunks): Promise<StoredFile>;
};

type FileRow = { id: string; size: number; content_type: string; sha256: string; created_at: number };

/** The files of this deployment. Only completed ones exist for readers, and only for their own tenant. */
export class FileStore {
  readonly #db: D1Database;
  readonly #bucket: R2Bucket;

  constructor({ DATA, FILES }: Pick<Env, "DATA" | "FILES">) {
    this.#db = DATA;
    this.#bucket = FILES;
  }

  async find(tenant: string, id: string): Promise<StoredFile | null> {
    const row = await this.#db
      .prepare(
        "SELECT id, size, content_type, sha256, created_at FROM files WHERE tenant = ? AND id = ? AND ready = 1",
      )
      .bind(tenant, id)
      .first<FileRow>();
    return row && fileOf(row);
  }

  /** The bytes of a file that was found; null if they are gone, which is what a removal cut short leaves. */
  async read(tenant: string, file: StoredFile, range: ByteRange = { offset: 0 }) {
    const length = Math.min(range.length ?? file.size, file.size - range.offset);
    if (length <= 0) return emptyBody();
    const object = await this.#bucket.get(objectKey(tenant, file.id), {
      range: { offset: range.offset, length },
    });
    return object?.body ?? null;
  }

  async open(tenant: string, id: string, range?: ByteRange): Promise<OpenFile | null> {
    const file = await this.find(tenant, id);
    const body = file && (await this.read(tenant, file, range));
    return body && { file, body };
  }

  /**
   * Stores a new file, unless it is larger than `bytesMax`. Throws what its source throws; then nothing is stored.
   */
  async create(wanted: NewFile): Promise<Created> {
    const { tenant, contentType } = wanted;
    const file = { id: randomId("file"), contentType, createdAt: now() };
    await this.#record(wanted, file);
    try {
      await wanted.confirm?.();
      const written = await upload(this.#bucket, objectKey(tenant, file.id), wanted.chunks, wanted.bytesMax);
      if (!written.ok) {
        await this.#discard(tenant, [file.id]);
        return written;
      }
      await this.#complete(tenant, file.id, written);
      return { ok: true, file: { ...file, size: written.size, sha256: written.sha256 } };
    } catch (error) {
      // If this fails, the row stays pending and is purged later.
      await this.#discard(tenant, [file.id]).catch(() => undefined);
      throw error;
    }
  }

  /** Puts the file on record as pending; in the same round trip, looks for what earlier crashes left. */
  async #record(wanted: NewFile, file: { id: string; createdAt: number }): Promise<void> {
    const { tenant, jobId, contentType } = wanted;
    const [, stale] = await this.#db.batch<{ id: string }>([
      this.#db
        .prepare("INSERT INTO files (tenant, id, job_id, content_type, created_at) VALUES (?, ?, ?, ?, ?)")
        .bind(tenant, file.id, jobId, contentType, file.createdAt),
      this.#db
        .prepare("SELECT id FROM files WHERE tenant = ? AND ready = 0 AND created_at < ? LIMIT ?")
        .bind(tenant, file.createdAt - STALE_MS, STALE_PER_SWEEP),
    ]);
    const ids = stale?.results.map((row) => row.id) ?? [];
    if (ids.length === 0) return;
    await this.#discard(tenant, ids).catch((error) =>
      log("warn", "stale_files_not_swept", { tenant, error }),
    );
  }

  /** Throws if the row is gone: the file was removed while it was being written. */
  async #complete(tenant: string, id: string, written: { size: number; sha256: string }) {
    const { meta } = await this.#db
      .prepare("UPDATE files SET ready = 1, size = ?, sha256 = ? WHERE tenant = ? AND id = ? AND ready = 0")
      .bind(written.size, written.sha256, tenant, id)
      .run();
    if (meta.changes === 0) throw new Error(`File ${id} was removed while it was being written`);
  }

  /** Bytes first, then the rows that know of them. */
  async #discard(tenant: string, ids: string[]): Promise<void> {
    await this.#bucket.delete(ids.map((id) => objectKey(tenant, id)));
    await this.#db
      .prepare("DELETE FROM files WHERE tenant = ? AND id IN (SELECT value FROM json_each(?))")
      .bind(tenant, JSON.stringify(ids))
      .run();
  }

  /** Removes a file for readers at once and then for good; false if there is none. */
  async delete(tenant: string, id: string): Promise<boolean> {
    const { meta } = await this.#db
      .prepare("UPDATE files SET ready = 0 WHERE tenant = ? AND id = ? AND ready = 1")
      .bind(tenant, id)
      .run();
    if (meta.changes === 0) return false;
    await this.#discard(tenant, [id]);
    return true;
  }

  /** Removes all that a job produced, pending or ready. May be repeated; a second call finds nothing. */
  async deleteOfJob(tenant: string, jobId: string): Promise<void> {
    for (;;) {
      const { results } = await this.#db
        .prepare("SELECT id FROM files WHERE tenant = ? AND job_id = ? LIMIT ?")
        .bind(tenant, jobId, REMOVE_BATCH)
        .all<{ id: string }>();
      if (results.length > 0) {
        await this.#discard(
          tenant,
          results.map((row) => row.id),
        );
      }
      if (results.length < REMOVE_BATCH) return;
    }
  }
}

/**
 * The files of `tenant` for the code of one job. `confirm` rejects once the job's attempt no longer counts: with it,
 * a late attempt cannot leave a file behind its deleted job.
 */
export function jobFiles(
  store: FileStore,
  tenant: string,
  jobId: string,
  confirm?: () => Promise<void>,
): JobFiles {
  return {
    open: (id, offset = 0) => store.open(tenant, id, { offset }),
    async create(contentType, chunks) {
      const created = await store.create({
        tenant,
        jobId,
        contentType,
        chunks,
        bytesMax: PRODUCT_BYTES_MAX,
        ...(confirm && { confirm }),
      });
      if (!created.ok)
        throw new Error(`A job may not produce a file of more than ${PRODUCT_BYTES_MAX} bytes`);
      return created.file;
    },
  };
}

function objectKey(tenant: string, id: string): string {
  return `${tenant}/${id}`;
}

function fileOf(row: FileRow): StoredFile {
  const { id, size, sha256 } = row;
  return { id, size, contentType: row.content_type, sha256, createdAt: row.created_at };
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
