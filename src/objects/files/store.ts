/**
 * The records of a tenant's files. A record is made before the bytes, completed after them and removed after them, so
 * no bytes are without a record. What is to be removed is `deleted` until its bytes are gone. A file whose job is purged while
 * it is written is `abandoned`: its writer may still write, so its bytes are deleted when no writer can be left.
 */

import type { DatasetRecord, FileQuery, PendingFile, StoredFile } from "../../rpc/files.ts";

const FILES_TABLE = `CREATE TABLE IF NOT EXISTS files (
  id TEXT PRIMARY KEY,
  job_id TEXT,
  content_type TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  size INTEGER,
  sha256 TEXT,
  state TEXT NOT NULL,
  purge_at INTEGER
) WITHOUT ROWID`;
/** All partial, so that a file is in none that does not concern it. */
const OF_JOB_INDEX = "CREATE INDEX IF NOT EXISTS files_of_job ON files (job_id) WHERE job_id IS NOT NULL";
const UNREADY_INDEX =
  "CREATE INDEX IF NOT EXISTS files_unready ON files (state, created_at) WHERE state <> 'ready'";
const HAS_PURGE_AT = "SELECT 1 FROM pragma_table_info('files') WHERE name = 'purge_at'";
const ADD_PURGE_AT = "ALTER TABLE files ADD COLUMN purge_at INTEGER";
const BY_TIME_INDEX =
  "CREATE INDEX IF NOT EXISTS files_by_time ON files (created_at, id) WHERE state = 'ready'";
const PURGE_INDEX =
  "CREATE INDEX IF NOT EXISTS files_to_purge ON files (purge_at) WHERE purge_at IS NOT NULL";

const DATASETS_TABLE = `CREATE TABLE IF NOT EXISTS datasets (
  name TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID`;

const FILES_TENANT_KEY = "tenant";
const USED_BYTES_KEY = "used_bytes";

type Row = {
  id: string;
  size: number;
  content_type: string;
  sha256: string | null;
  created_at: number;
  job_id: string | null;
  purge_at: number | null;
};

const FILE_COLUMNS = "id, size, content_type, sha256, created_at, job_id, purge_at";

/** Later than any time and any id. */
const LAST_POSITION = { createdAt: Number.MAX_SAFE_INTEGER, id: "" };

/** The records in this storage. Every time is epoch milliseconds. */
export class FileRecords {
  readonly #storage: DurableObjectStorage;
  #hasTables = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Whose files they are; undefined before the first. An alarm does not know the object's name. */
  get tenant(): string | undefined {
    return this.#storage.kv.get<string>(FILES_TENANT_KEY);
  }

  /** Whether the file is new. A repeated call finds the one that it began. */
  begin({ tenant, id, jobId, contentType, createdAt, purgeAt }: PendingFile): boolean {
    this.own(tenant);
    this.#run(
      `INSERT OR IGNORE INTO files (id, job_id, content_type, created_at, state, purge_at)
       VALUES (?, ?, ?, ?, 'pending', ?)`,
      id,
      jobId,
      contentType,
      createdAt,
      purgeAt,
    );
    const [row] = this.#run<{ created_at: number; state: string }>(
      "SELECT created_at, state FROM files WHERE id = ?",
      id,
    );
    return row?.created_at === createdAt && row.state === "pending";
  }

  complete(id: string, size: number, sha256: string | null): boolean {
    const completed = this.#run(
      "UPDATE files SET state = 'ready', size = ?, sha256 = ? WHERE id = ? AND state = 'pending' RETURNING id",
      size,
      sha256,
      id,
    );
    if (completed.length > 0) this.#addUsed(size);
    // A repeated call finds it complete.
    return completed.length > 0 || this.find(id) !== null;
  }

  find(id: string): StoredFile | null {
    const [row] = this.#run<Row>(`SELECT ${FILE_COLUMNS} FROM files WHERE id = ? AND state = 'ready'`, id);
    return row ? fileOf(row) : null;
  }

  list({ jobId, createdAfter, createdBefore, after, limit }: FileQuery): StoredFile[] {
    const last = after ?? LAST_POSITION;
    const before = Math.min(createdBefore ?? LAST_POSITION.createdAt, last.createdAt + 1);
    const rows = this.#run<Row>(
      `SELECT ${FILE_COLUMNS} FROM files WHERE state = 'ready' AND created_at >= ? AND created_at < ?
       AND (created_at, id) < (?, ?) ${jobId === null ? "" : "AND job_id = ?"}
       ORDER BY created_at DESC, id DESC LIMIT ?`,
      ...[createdAfter ?? 0, before, last.createdAt, last.id, ...(jobId === null ? [] : [jobId]), limit],
    );
    return rows.map(fileOf);
  }

  /** Whether a complete file was marked as deleted. */
  markDeleted(id: string): boolean {
    return this.#mark("id = ?1 AND state = 'ready'", id) > 0;
  }

  /** Marks a file that its writer has given up. */
  markDiscarded(id: string): void {
    this.#mark("id = ?1 AND state IN ('pending', 'abandoned')", id);
  }

  markDeletedOfJob(jobId: string): void {
    this.#mark("job_id = ?1 AND state = 'ready'", jobId);
    this.#run("UPDATE files SET state = 'abandoned' WHERE job_id = ? AND state = 'pending'", jobId);
  }

  /** Marks up to `count` files that were begun before that time and never completed. */
  markStale(before: number, count: number): void {
    this.#mark(
      "id IN (SELECT id FROM files WHERE state IN ('pending', 'abandoned') AND created_at < ?1 LIMIT ?2)",
      before,
      count,
    );
  }

  /** Marks up to `count` files that are to be purged by then. */
  markExpired(now: number, count: number): void {
    this.#mark("id IN (SELECT id FROM files WHERE purge_at <= ?1 AND state = 'ready' LIMIT ?2)", now, count);
  }

  /** When the next file is to be purged; null if none is. */
  nextPurgeAt(): number | null {
    const [row] = this.#run<{ at: number | null }>(
      "SELECT min(purge_at) AS at FROM files WHERE purge_at IS NOT NULL AND state = 'ready'",
    );
    return row?.at ?? null;
  }

  /** Ids of files whose bytes are to be deleted, up to `count`. */
  deleted(count: number): string[] {
    return this.#run<{ id: string }>("SELECT id FROM files WHERE state = 'deleted' LIMIT ?", count).map(
      ({ id }) => id,
    );
  }

  /** Removes the records of files whose bytes are gone. */
  remove(ids: readonly string[]): void {
    this.#run("DELETE FROM files WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
  }

  /** When the oldest file was begun that is not complete; null if all are. */
  oldestPendingAt(): number | null {
    const [row] = this.#run<{ at: number | null }>(
      "SELECT min(created_at) AS at FROM files WHERE state IN ('pending', 'abandoned')",
    );
    return row?.at ?? null;
  }

  /** Marks up to `count` files as deleted, whatever their state; answers how many. */
  markAll(count: number): number {
    return this.#mark("id IN (SELECT id FROM files WHERE state <> 'deleted' LIMIT ?1)", count);
  }

  saveDataset(tenant: string, { name, size, createdAt }: DatasetRecord): void {
    this.own(tenant);
    this.#run(
      `INSERT INTO datasets VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET size = CASE excluded.size WHEN 0 THEN size ELSE excluded.size END`,
      name,
      size,
      createdAt,
    );
  }

  datasets(): DatasetRecord[] {
    return this.#run<DatasetRecord>("SELECT name, size, created_at AS createdAt FROM datasets ORDER BY name");
  }

  removeDataset(name: string): void {
    this.#run("DELETE FROM datasets WHERE name = ?", name);
  }

  usage(): { stored_bytes: number; datasets: number } {
    const sizes = this.datasets().map(({ size }) => size);
    return {
      stored_bytes: sizes.reduce((sum, size) => sum + size, this.#usedBytes()),
      datasets: sizes.length,
    };
  }

  /** To be called when the storage was deleted. */
  reset(): void {
    this.#hasTables = false;
  }

  /** Notes whose files they are. */
  own(tenant: string): void {
    if (this.tenant === undefined) this.#storage.kv.put(FILES_TENANT_KEY, tenant);
  }

  #usedBytes(): number {
    return this.#storage.kv.get<number>(USED_BYTES_KEY) ?? 0;
  }

  #mark(condition: string, ...values: (string | number)[]): number {
    const marked = this.#run<{ size: number | null }>(
      `UPDATE files SET state = 'deleted' WHERE ${condition} RETURNING size`,
      ...values,
    );
    const bytes = marked.reduce((sum, { size }) => sum + (size ?? 0), 0);
    if (bytes > 0) this.#addUsed(-bytes);
    return marked.length;
  }

  #addUsed(bytes: number): void {
    this.#storage.kv.put(USED_BYTES_KEY, this.#usedBytes() + bytes);
  }

  /** Reads all rows, so that a later write never meets an open cursor. Before the first write there is nothing to read. */
  #run<R extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): R[] {
    const { sql } = this.#storage;
    if (this.tenant === undefined) return [];
    if (!this.#hasTables) {
      sql.exec(FILES_TABLE);
      // The table of an earlier version has no such column.
      if (sql.exec(HAS_PURGE_AT).toArray().length === 0) sql.exec(ADD_PURGE_AT);
      for (const definition of [OF_JOB_INDEX, UNREADY_INDEX, BY_TIME_INDEX, PURGE_INDEX, DATASETS_TABLE])
        sql.exec(definition);
      this.#hasTables = true;
    }
    return sql.exec<R>(statement, ...values).toArray();
  }
}

function fileOf({ id, size, sha256, ...row }: Row): StoredFile {
  return {
    id,
    size,
    contentType: row.content_type,
    sha256,
    createdAt: row.created_at,
    jobId: row.job_id,
    purgeAt: row.purge_at,
  };
}
