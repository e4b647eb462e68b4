/**
 * The tenants' files: bytes in R2, records in the tenant's files object. A record is made before its bytes, completed
 * after them and removed after them. So a failure leaves at most a pending record, which the object deletes later. Every
 * write makes a new file, so two attempts of a job cannot write into the same one.
 */

import type { Env } from "../env.ts";
import { randomId } from "../lib/id.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import { type FileQuery, fileKey, filesObject, type StoredFile } from "../rpc/files.ts";
import { type Chunks, upload } from "./upload.ts";

/** What a client may upload at most. */
export const UPLOAD_BYTES_MAX = 100 * 1024 * 1024;

/** What a job may produce at most; there to stop a runaway, not to ration. */
const PRODUCT_BYTES_MAX = 1024 * 1024 * 1024;

export type OpenFile = { file: StoredFile; body: ReadableStream<Uint8Array> };

/** Which bytes to read: `length` of them from `offset` on, or all from there. Beyond the end there is nothing. */
export type ByteRange = { offset: number; length?: number };

export type NewFile = {
  tenant: string;
  /** The job that produces it, with which it is purged; null for an upload. */
  jobId: string | null;
  contentType: string;
  /** How long it is kept, milliseconds; a job's is purged with the job. */
  retentionMs?: number;
  /** Its id, if it is to be stored only once; else it gets one of its own. */
  id?: string | undefined;
  chunks: Chunks;
  /** How many bytes `chunks` yields, if that is known; then little is buffered. */
  bytes?: number | undefined;
  bytesMax: number;
  /** Asked once the file is on record and before a byte is written; rejects if it must not be written after all. */
  confirm?: () => Promise<void>;
};
export type Created = { ok: true; file: StoredFile } | { ok: false; reason: "too_large" | "exists" };

/** The tenant's files as a job's code sees them. */
export type JobFiles = {
  /** Opens a file of the tenant from byte `offset` on; null if there is no such file. */
  open(id: string, offset?: number): Promise<OpenFile | null>;
  /** Stores what `chunks` yields as a file of this job; never holds more than one part (5 MiB) in memory. */
  create(contentType: string, chunks: Chunks): Promise<StoredFile>;
};

/** The files of this deployment. Only completed ones exist for readers, and only for their own tenant. */
export class FileStore {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  find(tenant: string, id: string): Promise<StoredFile | null> {
    return withRetry(() => this.#records(tenant).find(id));
  }

  /** The bytes of a file that was found; null if they are gone, which is what a removal cut short leaves. */
  async read(tenant: string, file: StoredFile, range: ByteRange = { offset: 0 }) {
    const length = Math.min(range.length ?? file.size, file.size - range.offset);
    if (length <= 0) return emptyBody();
    const object = await this.#env.FILES.get(fileKey(tenant, file.id), {
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
    const { tenant, jobId, contentType } = wanted;
    const id = wanted.id ?? randomId("file");
    const createdAt = now();
    const purgeAt = wanted.retentionMs === undefined ? null : createdAt + wanted.retentionMs;
    const file = { id, contentType, createdAt, jobId, purgeAt };
    // An object that runs the code of the deployment before answers nothing.
    if ((await withRetry(() => this.#records(tenant).begin({ ...file, tenant }))) === false)
      return { ok: false, reason: "exists" };
    try {
      await wanted.confirm?.();
      const written = await upload(this.#env.FILES, fileKey(tenant, file.id), wanted);
      if (!written.ok) {
        await this.#discard(tenant, file.id);
        return written;
      }
      const { size, sha256 } = written;
      if (await withRetry(() => this.#records(tenant).complete(file.id, size, sha256)))
        return { ok: true, file: { ...file, size, sha256 } };
      throw new Error(`File ${file.id} was removed while it was being written`);
    } catch (error) {
      // If this fails, the record stays pending, and the object deletes it later.
      await this.#discard(tenant, file.id).catch(() => undefined);
      throw error;
    }
  }

  /** Files of the tenant, newest first. */
  list(tenant: string, query: FileQuery): Promise<StoredFile[]> {
    return withRetry(() => this.#records(tenant).list(query));
  }

  /** Removes a file for readers at once and then for good; false if there is none. */
  delete(tenant: string, id: string): Promise<boolean> {
    return this.#records(tenant).delete(id);
  }

  /** The bytes too, because the record may be gone already. */
  async #discard(tenant: string, id: string): Promise<void> {
    await this.#env.FILES.delete(fileKey(tenant, id));
    await this.#records(tenant).discard(id);
  }

  #records(tenant: string) {
    return filesObject(this.#env, tenant);
  }
}

/**
 * The files of `tenant` for the code of one job. `confirm` notes that the job holds files, and rejects once its attempt
 * no longer counts: with it, a late attempt cannot leave a file behind its deleted job.
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

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
