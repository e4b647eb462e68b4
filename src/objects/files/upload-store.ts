/**
 * The records of a tenant's uploads in parts, and of their parts. An upload stays on record after it is completed, until
 * its time is over, so that its completion may be repeated.
 */

import type { NewUpload, OpenUpload, UploadPart } from "../../rpc/files.ts";

const UPLOADS_TABLE = `CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY,
  multipart_id TEXT NOT NULL,
  job_id TEXT,
  content_type TEXT NOT NULL,
  size INTEGER,
  bytes_max INTEGER NOT NULL,
  retention_ms INTEGER,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  is_completed INTEGER NOT NULL
) WITHOUT ROWID`;
const PARTS_TABLE = `CREATE TABLE IF NOT EXISTS parts (
  upload_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  etag TEXT NOT NULL,
  PRIMARY KEY (upload_id, number)
) WITHOUT ROWID`;

const HAS_TABLES = "SELECT 1 FROM sqlite_schema WHERE name = 'parts'";

const UPLOAD_COLUMNS =
  "id, multipart_id, job_id, content_type, size, bytes_max, retention_ms, created_at, expires_at, is_completed";

type UploadRow = {
  id: string;
  multipart_id: string;
  job_id: string | null;
  content_type: string;
  size: number | null;
  bytes_max: number;
  retention_ms: number | null;
  created_at: number;
  expires_at: number;
  is_completed: number;
};

/** The records in this storage. Every time is epoch milliseconds. */
export class UploadRecords {
  readonly #sql: SqlStorage;
  #hasTables = false;

  constructor({ sql }: DurableObjectStorage) {
    this.#sql = sql;
  }

  /** Whether there was none of this id. */
  add(upload: NewUpload): boolean {
    this.#makeTables();
    const added = this.#run(
      `INSERT OR IGNORE INTO uploads (${UPLOAD_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING id`,
      upload.id,
      upload.multipartId,
      upload.jobId,
      upload.contentType,
      upload.size,
      upload.bytesMax,
      upload.retentionMs,
      upload.createdAt,
      upload.expiresAt,
    );
    return added.length > 0;
  }

  find(id: string): OpenUpload | null {
    const [row] = this.#run<UploadRow>(`SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE id = ?`, id);
    return row ? uploadOf(row) : null;
  }

  /** Uploads that are not completed, the oldest first. */
  open(): OpenUpload[] {
    return this.#run<UploadRow>(
      `SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE is_completed = 0 ORDER BY created_at, id`,
    ).map(uploadOf);
  }

  /** Those whose time is over, and those of a job; up to `count`. */
  ended(now: number, count: number): OpenUpload[] {
    return this.#run<UploadRow>(
      `SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE expires_at <= ? LIMIT ?`,
      now,
      count,
    ).map(uploadOf);
  }

  /** Ends the time of a job's uploads, or of all without one. */
  end(jobId: string | null): void {
    if (jobId === null) this.#run("UPDATE uploads SET expires_at = 0");
    else this.#run("UPDATE uploads SET expires_at = 0 WHERE job_id = ?", jobId);
  }

  markCompleted(id: string): void {
    this.#run("UPDATE uploads SET is_completed = 1 WHERE id = ?", id);
    this.#run("DELETE FROM parts WHERE upload_id = ?", id);
  }

  /** Of a part that is sent again, the last one stored counts. */
  savePart(uploadId: string, { number, size, sha256, etag }: UploadPart): void {
    this.#run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)", uploadId, number, size, sha256, etag);
  }

  parts(uploadId: string): UploadPart[] {
    return this.#run<UploadPart>(
      "SELECT number, size, sha256, etag FROM parts WHERE upload_id = ? ORDER BY number",
      uploadId,
    );
  }

  remove(id: string): void {
    this.#run("DELETE FROM parts WHERE upload_id = ?", id);
    this.#run("DELETE FROM uploads WHERE id = ?", id);
  }

  nextExpiryAt(): number | null {
    const [row] = this.#run<{ at: number | null }>("SELECT min(expires_at) AS at FROM uploads");
    return row?.at ?? null;
  }

  /** Bytes of all parts. */
  usedBytes(): number {
    const [row] = this.#run<{ bytes: number | null }>("SELECT sum(size) AS bytes FROM parts");
    return row?.bytes ?? 0;
  }

  /** To be called when the storage was deleted. */
  reset(): void {
    this.#hasTables = false;
  }

  #makeTables(): void {
    if (this.#hasTables) return;
    this.#sql.exec(UPLOADS_TABLE);
    this.#sql.exec(PARTS_TABLE);
    this.#hasTables = true;
  }

  /** Before the first upload there is nothing to read, and nothing is written for a read. */
  #run<R extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): R[] {
    this.#hasTables ||= this.#sql.exec(HAS_TABLES).toArray().length > 0;
    if (!this.#hasTables) return [];
    return this.#sql.exec<R>(statement, ...values).toArray();
  }
}

function uploadOf(row: UploadRow): OpenUpload {
  return {
    id: row.id,
    multipartId: row.multipart_id,
    jobId: row.job_id,
    contentType: row.content_type,
    size: row.size,
    bytesMax: row.bytes_max,
    retentionMs: row.retention_ms,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    isCompleted: row.is_completed === 1,
  };
}
