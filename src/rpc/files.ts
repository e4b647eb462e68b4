/** The calls of a files object. It has the records of one tenant's files; the bytes are in R2. */

import type { Env } from "../env.ts";
import { tenantObject } from "./location.ts";

/** `size` is in bytes, `sha256` lower-case hexadecimal, `createdAt` epoch milliseconds. */
export type StoredFile = { id: string; size: number; contentType: string; sha256: string; createdAt: number };

/** A file about to be written. `jobId` is the job that produces it; null for an upload. */
export type PendingFile = Pick<StoredFile, "id" | "contentType" | "createdAt"> & {
  tenant: string;
  jobId: string | null;
};

export type FilesApi = {
  /** Records a file before its bytes are written; no reader finds it yet. */
  begin(file: PendingFile): Promise<void>;
  /** Makes the written file readable; false if it was deleted meanwhile. */
  complete(id: string, size: number, sha256: string): Promise<boolean>;
  /** The file; null if there is none that is complete. Writes nothing. */
  find(id: string): Promise<StoredFile | null>;
  /** Deletes the file for readers at once, and its bytes soon; false if there is none that is complete. May be repeated. */
  delete(id: string): Promise<boolean>;
  /** Gives up a file that could not be written. May be repeated. */
  discard(id: string): Promise<void>;
  /** Deletes what a job produced, complete or not. May be repeated. */
  deleteOfJob(jobId: string): Promise<void>;
  /** The bytes of all complete files. */
  usedBytes(): Promise<number>;
};

/** A fresh stub of the tenant's files object. */
export function filesObject(env: Env, tenant: string): FilesApi {
  return tenantObject(env, "FILE_RECORDS", tenant) as unknown as FilesApi;
}

/** Where the bytes of a file are in the bucket. */
export function fileKey(tenant: string, id: string): string {
  return `${tenant}/${id}`;
}
