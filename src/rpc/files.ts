/** The calls of a files object. It has the records of one tenant's files; the bytes are in R2. */

import type { Env } from "../env.ts";
import { tenantObject } from "./location.ts";

/**
 * `size` is in bytes, `sha256` lower-case hexadecimal, null for an upload in parts; times are epoch milliseconds. `jobId` is the job that produced
 * it and with which it is purged; null for an upload, which is purged at `purgeAt`.
 */
export type StoredFile = {
  id: string;
  size: number;
  contentType: string;
  sha256: string | null;
  createdAt: number;
  jobId: string | null;
  purgeAt: number | null;
};

/** Which files to list, newest first: all those after `after` in that order. `createdBefore` is exclusive. */
export type FileQuery = {
  jobId: string | null;
  createdAfter: number | null;
  createdBefore: number | null;
  after: { createdAt: number; id: string } | null;
  limit: number;
};

/** A file about to be written. `jobId` is the job that produces it; null for an upload. */
export type PendingFile = Pick<StoredFile, "id" | "contentType" | "createdAt" | "jobId" | "purgeAt"> & {
  tenant: string;
};

/**
 * An upload in parts. `multipartId` is that of R2; `size` what was declared, in bytes, null if nothing was. Its file is
 * kept for `retentionMs`, or with its job.
 */
export type OpenUpload = {
  id: string;
  multipartId: string;
  jobId: string | null;
  contentType: string;
  size: number | null;
  bytesMax: number;
  retentionMs: number | null;
  createdAt: number;
  expiresAt: number;
  isCompleted: boolean;
};
export type NewUpload = Omit<OpenUpload, "isCompleted">;

/** A stored part; `etag` is that of R2. */
export type UploadPart = { number: number; size: number; sha256: string; etag: string };

/** A dataset of the tenant. `size` is in bytes, 0 until a first import has published it. Epoch milliseconds. */
export type DatasetRecord = { name: string; size: number; createdAt: number };

export type FilesApi = {
  /** Records a file before its bytes are written; no reader finds it yet. False if there is one of this id. */
  begin(file: PendingFile): Promise<boolean>;
  /** Makes the written file readable; false if it was deleted meanwhile. */
  complete(id: string, size: number, sha256: string | null): Promise<boolean>;
  /** The file; null if there is none that is complete. Writes nothing. */
  find(id: string): Promise<StoredFile | null>;
  /** Complete files. Writes nothing. */
  list(query: FileQuery): Promise<StoredFile[]>;
  /** Deletes the file for readers at once, and its bytes soon; false if there is none that is complete. May be repeated. */
  delete(id: string): Promise<boolean>;
  /** Gives up a file that could not be written. May be repeated. */
  discard(id: string): Promise<void>;
  /** Deletes what a job produced, complete or not. May be repeated. */
  deleteOfJob(jobId: string): Promise<void>;
  /** False if there is an upload of this id. */
  beginUpload(upload: NewUpload & { tenant: string }): Promise<boolean>;
  /** Writes nothing. */
  findUpload(id: string): Promise<{ upload: OpenUpload; parts: UploadPart[] } | null>;
  /** Uploads that are not completed. Writes nothing. */
  openUploads(): Promise<OpenUpload[]>;
  /** False if the upload is no longer open. */
  savePart(id: string, part: UploadPart): Promise<boolean>;
  /** Makes the file of the upload, whose parts are joined, readable; null if the upload is gone. May be repeated. */
  completeUpload(id: string, size: number): Promise<StoredFile | null>;
  /** False if there is none that is open. */
  abortUpload(id: string): Promise<boolean>;
  /** Bytes of all complete files, parts and datasets, and how many datasets and open uploads there are. Writes nothing. */
  usage(): Promise<{ stored_bytes: number; datasets: number; open_uploads: number }>;
  /** Enters a dataset, or what is published of it: its size counts. May be repeated. */
  saveDataset(tenant: string, dataset: Omit<DatasetRecord, "createdAt">): Promise<void>;
  /** All datasets, by name. Writes nothing. */
  datasets(): Promise<DatasetRecord[]>;
  removeDataset(name: string): Promise<void>;
  /** Deletes some files of a tenant that is being erased; true if there were any. */
  erase(): Promise<boolean>;
};

/** A fresh stub of the tenant's files object. */
export function filesObject(env: Env, tenant: string): FilesApi {
  return tenantObject(env, "FILE_RECORDS", tenant) as unknown as FilesApi;
}

/** Where the bytes of a file are in the bucket. */
export function fileKey(tenant: string, id: string): string {
  return `${tenant}/${id}`;
}

/** The id of the file that an upload in parts makes. */
export function uploadedFileId(uploadId: string): string {
  return uploadId.replace("upload_", "file_");
}
