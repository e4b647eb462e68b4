/**
 * The table behind a tenant's job index. Its primary key is what a filter asks for (index key, type, status), then the
 * job's position. So every filter is a few key ranges of one table, and no further index is written. The index key is
 * empty for the row that holds the job; each metadata pair has one more row without the job.
 */

import { type JobStatus, jobStatuses } from "../../core/job.ts";
import {
  type IndexEntry,
  type IndexRowKey,
  type JobFilter,
  type JobPosition,
  toIndexKeys,
  toRowKey,
} from "../../rpc/index-entry.ts";
import type { JobView } from "../../rpc/views.ts";

const ENTRIES_TABLE = `CREATE TABLE IF NOT EXISTS entries (
  index_key TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, id TEXT NOT NULL,
  due_at INTEGER, purge_at INTEGER, job TEXT, PRIMARY KEY (index_key, type, status, created_at, id)
) WITHOUT ROWID`;

/** The index keys of a job's own row and of a tombstone. Those of metadata are JSON, so they begin with a bracket. */
export const JOB_KEY = "";
export const TOMBSTONE_KEY = "deleted";

/** A tombstone has this instead of a `purge_at`. */
export const TOMBSTONE = 0;

/** Later than any time. */
export const MAX_TIME = Number.MAX_SAFE_INTEGER - 1;

const ROW_KEY_CONDITION = "index_key = ? AND type = ? AND status = ? AND created_at = ? AND id = ?";
const JOB_ROWS_CONDITION = `index_key IN ('${JOB_KEY}', '${TOMBSTONE_KEY}') AND type = ? AND created_at = ? AND id = ?
  AND status IN (${jobStatuses.map((status) => `'${status}'`).join()})`;
const COLUMNS = "status, due_at, purge_at, job";

/** Keys read from a range at a time. */
const KEYS_PER_READ = 8;

export type IndexRow = { status: JobStatus; due_at: number | null; purge_at: number | null; job: string };
export type TypeAndStatus = Pick<IndexRowKey, "type" | "status">;
export type DueRow = { created_at: number; id: string; due_at: number | null };
type KeyRange = Generator<IndexRowKey, undefined>;

/** The rows of one tenant. `createTable` must have been called before anything else. */
export class RowStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  createTable(): void {
    this.#sql.exec(ENTRIES_TABLE);
  }

  /** The row that holds the job of this key. */
  find(key: IndexRowKey): IndexRow | undefined {
    const text = `SELECT ${COLUMNS} FROM entries WHERE ${ROW_KEY_CONDITION}`;
    return this.#read<IndexRow>(text, ...toColumns(JOB_KEY, key))[0];
  }

  /** As `find`, whatever status the row has; also finds a tombstone. */
  findAnyStatus({ type, createdAt, id }: Omit<IndexRowKey, "status">): IndexRow | undefined {
    const text = `SELECT ${COLUMNS} FROM entries WHERE ${JOB_ROWS_CONDITION}`;
    return this.#read<IndexRow>(text, type, createdAt, id)[0];
  }

  has(indexKey: string, key: IndexRowKey): boolean {
    const text = `SELECT 1 FROM entries WHERE ${ROW_KEY_CONDITION}`;
    return this.#read(text, ...toColumns(indexKey, key)).length > 0;
  }

  /** Writes the job's row, and one for each metadata pair that has none yet. */
  write(entry: IndexEntry): void {
    const key = toRowKey(entry);
    for (const indexKey of toIndexKeys(entry.job.metadata))
      this.#sql.exec(
        "INSERT INTO entries (index_key, type, status, created_at, id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        ...toColumns(indexKey, key),
      );
    this.#sql.exec(
      `INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET due_at = excluded.due_at, purge_at = excluded.purge_at, job = excluded.job`,
      ...[...toColumns(JOB_KEY, key), entry.dueAt, entry.purgeAt, JSON.stringify(entry.job)],
    );
  }

  delete(key: IndexRowKey): void {
    this.deleteMetadataRows(key);
    for (const indexKey of [JOB_KEY, TOMBSTONE_KEY]) this.#deleteRow(indexKey, key);
  }

  deleteMetadataRows(key: IndexRowKey): void {
    const row = this.find(key);
    if (!row) return;
    for (const indexKey of toIndexKeys((JSON.parse(row.job) as JobView).metadata))
      this.#deleteRow(indexKey, key);
  }

  /** Turns the job's row into a tombstone made at `now`. */
  addTombstone(key: IndexRowKey, now: number): void {
    this.#sql.exec(
      `UPDATE entries SET index_key = '${TOMBSTONE_KEY}', purge_at = ${TOMBSTONE}, due_at = ? WHERE ${JOB_ROWS_CONDITION}`,
      ...[now, key.type, key.createdAt, key.id],
    );
  }

  /** Turns a tombstone made at `madeBy` or before into a job's row again. */
  removeTombstone(key: IndexRowKey, madeBy: number): void {
    this.#sql.exec(
      `UPDATE entries SET index_key = '${JOB_KEY}', purge_at = NULL, due_at = NULL
       WHERE ${ROW_KEY_CONDITION} AND due_at <= ?`,
      ...[...toColumns(TOMBSTONE_KEY, key), madeBy],
    );
  }

  /** Every stored type with every status that the filter admits. Each type is found by one step in the key. */
  *typesAndStatuses(
    indexKey: string,
    { types, exceptTypes = [], statuses }: JobFilter,
  ): Generator<TypeAndStatus> {
    for (const type of this.#types(indexKey)) {
      const isChosen = (types.length === 0 || types.includes(type)) && !exceptTypes.includes(type);
      for (const status of isChosen ? jobStatuses : [])
        if (statuses.length === 0 || statuses.includes(status)) yield { type, status };
    }
  }

  /** The keys of one type and status after a position, newest first, a few read at a time. */
  *range(indexKey: string, kind: TypeAndStatus, filter: JobFilter, after: JobPosition | null): KeyRange {
    for (let position = after, isMore = true; isMore; ) {
      const { createdAt = MAX_TIME, id = "" } = position ?? {};
      // SQLite seeks by one upper bound only, so the position bounds the time as well.
      const before = Math.min(filter.createdBefore ?? MAX_TIME, createdAt + 1);
      const found = this.#read<{ created_at: number; id: string }>(
        `SELECT created_at, id FROM entries WHERE index_key = ? AND type = ? AND status = ? AND created_at >= ?
         AND created_at < ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ${KEYS_PER_READ}`,
        ...[indexKey, kind.type, kind.status, filter.createdAfter ?? 0, before, createdAt, id],
      );
      for (const key of found) {
        position = { createdAt: key.created_at, id: key.id };
        yield { ...kind, ...position };
      }
      isMore = found.length === KEYS_PER_READ;
    }
    return undefined;
  }

  /** How many rows an index key has, counted up to `limit`. */
  countRows(indexKey: string, limit: number): number {
    const text = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM entries WHERE index_key = ? LIMIT ?)";
    return this.#sql.exec<{ n: number }>(text, indexKey, limit).one().n;
  }

  /** How many jobs of one type and status have all these index keys (at least one) and are not to be purged by `now`. */
  countJobs(
    indexKeys: readonly string[],
    { type, status }: TypeAndStatus,
    filter: JobFilter,
    now: number,
  ): number {
    const [first = JOB_KEY, ...others] = [...indexKeys, JOB_KEY];
    const text = `SELECT COUNT(*) AS n FROM entries AS e0 ${others.map((_, at) => joinIndexKey(at + 1)).join(" ")}
      WHERE e0.index_key = ? AND e0.type = ? AND e0.status = ? AND e0.created_at >= ? AND e0.created_at < ?
      AND ifnull(e${others.length}.purge_at, ${MAX_TIME}) > ?`;
    const bounds = [filter.createdAfter ?? 0, filter.createdBefore ?? MAX_TIME, now];
    return this.#sql.exec<{ n: number }>(text, ...others, first, type, status, ...bounds).one().n;
  }

  /** At most `limit` rows of one type and status after a position, oldest first. */
  dueRows(
    indexKey: string,
    { type, status }: TypeAndStatus,
    after: JobPosition | null,
    limit: number,
  ): DueRow[] {
    return this.#read<DueRow>(
      `SELECT created_at, id, due_at FROM entries WHERE index_key = ? AND type = ? AND status = ?
       AND created_at >= ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
      ...[indexKey, type, status, after?.createdAt ?? 0, after?.createdAt ?? 0, after?.id ?? "", limit],
    );
  }

  /** Whether there is any row of this type and status. */
  hasKind(indexKey: string, { type, status }: TypeAndStatus): boolean {
    const text = "SELECT 1 FROM entries WHERE index_key = ? AND type = ? AND status = ? LIMIT 1";
    return this.#read(text, indexKey, type, status).length > 0;
  }

  #types(indexKey: string): string[] {
    const found: string[] = [];
    for (;;) {
      const text = "SELECT type FROM entries WHERE index_key = ? AND type > ? ORDER BY type LIMIT 1";
      const [next] = this.#read<{ type: string }>(text, indexKey, found.at(-1) ?? "");
      if (!next) return found;
      found.push(next.type);
    }
  }

  #deleteRow(indexKey: string, key: IndexRowKey): void {
    this.#sql.exec(`DELETE FROM entries WHERE ${ROW_KEY_CONDITION}`, ...toColumns(indexKey, key));
  }

  /** Reads to the end: a statement left half read stays open until it is garbage-collected. */
  #read<R extends Record<string, SqlStorageValue>>(text: string, ...values: SqlStorageValue[]): R[] {
    return this.#sql.exec<R>(text, ...values).toArray();
  }
}

function toColumns(indexKey: string, { type, status, createdAt, id }: IndexRowKey) {
  return [indexKey, type, status, createdAt, id];
}

/** Requires one more index key. CROSS JOIN keeps SQLite from reordering: few keys are chosen first, then looked up. */
function joinIndexKey(at: number): string {
  const same = ["type", "status", "created_at", "id"].map((column) => `e${at}.${column} = e0.${column}`);
  return `CROSS JOIN entries AS e${at} ON e${at}.index_key = ? AND ${same.join(" AND ")}`;
}
