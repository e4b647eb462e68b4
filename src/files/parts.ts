/**
 * Uploads in parts: the bytes go to a multipart upload of R2, the records to the tenant's files object. The file has the
 * name of its upload, so a completion that was cut short is found complete when it is repeated.
 */

import { DAY } from "../core/time.ts";
import type { Env } from "../env.ts";
import { randomId } from "../lib/id.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import {
  fileKey,
  filesObject,
  type OpenUpload,
  type StoredFile,
  type UploadPart,
  uploadedFileId,
} from "../rpc/files.ts";
import { type Chunks, writePart } from "./upload.ts";

export const PART_SIZE = 64 * 1024 * 1024;
export const UPLOAD_PARTS_MAX = 1_600;
export const PARTED_BYTES_MAX = PART_SIZE * UPLOAD_PARTS_MAX;

const UPLOAD_LIFE_MS = DAY;

/** An upload that is wanted. `fileId` is the id of its file, if it may be made only once. */
export type WantedUpload = Pick<OpenUpload, "contentType" | "size" | "jobId" | "retentionMs" | "bytesMax"> & {
  fileId: string | undefined;
};

export type Completion =
  | { kind: "completed" | "repeated"; file: StoredFile }
  | { kind: "not_found" }
  | { kind: "incomplete"; missing: number[] }
  | { kind: "wrong_size"; part: number | null };

export class PartUploads {
  readonly #env: Env;
  readonly #tenant: string;

  constructor(env: Env, tenant: string) {
    this.#env = env;
    this.#tenant = tenant;
  }

  /** Null if there is one for this file already. */
  async begin({ fileId = randomId("file"), ...wanted }: WantedUpload): Promise<OpenUpload | null> {
    const multipart = await this.#env.FILES.createMultipartUpload(fileKey(this.#tenant, fileId));
    const createdAt = now();
    const upload = {
      ...wanted,
      id: fileId.replace("file_", "upload_"),
      multipartId: multipart.uploadId,
      createdAt,
      expiresAt: createdAt + UPLOAD_LIFE_MS,
    };
    const isNew = await this.#records().beginUpload({ ...upload, tenant: this.#tenant });
    if (isNew) return { ...upload, isCompleted: false };
    await multipart.abort().catch(() => undefined);
    return null;
  }

  find(id: string): Promise<{ upload: OpenUpload; parts: UploadPart[] } | null> {
    return withRetry(() => this.#records().findUpload(id));
  }

  list(): Promise<OpenUpload[]> {
    return withRetry(() => this.#records().openUploads());
  }

  /** Stores a part of exactly `bytes` bytes; null if the upload ended meanwhile. */
  async write(upload: OpenUpload, number: number, chunks: Chunks, bytes: number): Promise<UploadPart | null> {
    const multipart = this.#multipart(upload);
    const part = await writePart(multipart, number, { chunks, bytes });
    return (await withRetry(() => this.#records().savePart(upload.id, part))) ? part : null;
  }

  /** Makes the file of the parts 1 to `partCount`. May be repeated. */
  async complete(id: string, partCount: number): Promise<Completion> {
    const found = await this.find(id);
    if (!found) return { kind: "not_found" };
    const { upload, parts } = found;
    if (upload.isCompleted) return this.#repeated(id);
    const used = parts.filter(({ number }) => number <= partCount);
    const missing = missingNumbers(used, partCount);
    if (missing.length > 0) return { kind: "incomplete", missing };
    const short = used.find(({ number, size }) => number < partCount && size !== PART_SIZE);
    if (short) return { kind: "wrong_size", part: short.number };
    const size = used.reduce((sum, part) => sum + part.size, 0);
    if (upload.size !== null && size !== upload.size) return { kind: "wrong_size", part: null };
    await this.#join(upload, used, size);
    const file = await withRetry(() => this.#records().completeUpload(id, size));
    return file ? { kind: "completed", file } : { kind: "not_found" };
  }

  /** False if there is none that is open. */
  abort(id: string): Promise<boolean> {
    return withRetry(() => this.#records().abortUpload(id));
  }

  /** Joins the parts; that a completion cut short has done so before is no fault. */
  async #join(upload: OpenUpload, parts: readonly UploadPart[], size: number): Promise<void> {
    const uploaded = parts.map(({ number, etag }) => ({ partNumber: number, etag }));
    try {
      await this.#multipart(upload).complete(uploaded);
    } catch (error) {
      const joined = await this.#env.FILES.head(fileKey(this.#tenant, uploadedFileId(upload.id)));
      if (joined?.size !== size) throw error;
    }
  }

  async #repeated(id: string): Promise<Completion> {
    const file = await withRetry(() => this.#records().find(uploadedFileId(id)));
    return file ? { kind: "repeated", file } : { kind: "not_found" };
  }

  #multipart({ id, multipartId }: OpenUpload): R2MultipartUpload {
    return this.#env.FILES.resumeMultipartUpload(fileKey(this.#tenant, uploadedFileId(id)), multipartId);
  }

  #records() {
    return filesObject(this.#env, this.#tenant);
  }
}

/** Which of the parts 1 to `partCount` are not there. */
function missingNumbers(parts: readonly UploadPart[], partCount: number): number[] {
  const there = new Set(parts.map(({ number }) => number));
  return Array.from({ length: partCount }, (_, index) => index + 1).filter((number) => !there.has(number));
}
