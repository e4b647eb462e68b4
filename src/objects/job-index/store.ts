/**
 * The rows of a tenant's listing. A row's key is what jobs are asked for, label, type and status, then when it was
 * made: so any filter is a few ranges of one table, each read only as far as the page goes, and no further index is
 * paid for. The label is empty for the row that holds the job; for each pair of its metadata there is a bare row more.
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
import type { IndexPage } from "../../rpc/job-index.ts";
import type { JobView } from "../../rpc/views.ts";
import { mergeNewestFirst } from "./merge.ts";
import { type OverdueJobs, type OverdueQuery, reconcileAt } from "./overdue.ts";

const ENTRIES_TABLE = `CREATE TABLE IF NOT EXISTS entries (
  label TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, id TEXT NOT NULL,
  due_at INTEGER, purge_at INTEGER, job TEXT, PRIMARY KEY (label, type, status, created_at, id)
) WITHOUT ROWID`;

const ROW_KEY_CONDITION = "label = ? AND type = ? AND status = ? AND created_at = ? AND id = ?";

/** The label of a job's own row, and of one that is being deleted; those of metadata are JSON and begin with a bracket. */
const JOB_KEY = "";
const DELETED_KEY = "deleted";
const JOB_ROWS_CONDITION = `label IN ('${JOB_KEY}', '${DELETED_KEY}') AND type = ? AND created_at = ? AND id = ?
  AND status IN (${jobStatuses.map((status) => `'${status}'`).join()})`;

/** No job has so many pairs of metadata: whoever asks for more need not be looked for by all of them. */
const PAIRS_LIMIT = 17;

/** Of a range so many keys are read at once. */
const KEYS_PER_READ = 8;

/** A page looks at no more jobs than this: where filters agree on few, it ends early and says where to go on. */
const EXAMINED_MAX = 1_000;

/** Of several pairs of metadata the rarest is looked for among so many rows of each. */
const PROBED_MAX = 200;

/** Of a job whose progress comes more often, this much time goes by between the rows that keep it. */
const TRANSIENT_WRITE_MS = 10_000;

/** In the place of the time when a job expires: it is being deleted. */
const TOMBSTONE = 0;

/** Later than any time. */
const MAX_TIME = Number.MAX_SAFE_INTEGER - 1;

/** What saving an entry was, for whoever keeps count. */
export type IndexChange = { isNew: boolean; hasFinished: boolean };

/** Of a job the word that has no row yet, or null if it has and is only due later than the row says. */
type TransientEntry = { job: JobView | null; version: number; dueAt: number | null; writtenAt: number };

type IndexRow = { status: JobStatus; due_at: number | null; purge_at: number | null; job: string };

/** The entries of one tenant. `begin` must have been called before anything else. */
export function openIndexStore({ sql }: DurableObjectStorage) {
  /** Progress comes every second and is soon outdone: it is shown, but not worth a row each time. By id. */
  const transient = new Map<string, TransientEntry>();

  /** To the end: a statement half read stays open until garbage is collected, and thousands of them make all slow. */
  function rows<R extends Record<string, SqlStorageValue>>(text: string, ...values: SqlStorageValue[]): R[] {
    return sql.exec<R>(text, ...values).toArray();
  }

  const keyOf = (label: string, { type, status, createdAt, id }: IndexRowKey) => [
    label,
    type,
    status,
    createdAt,
    id,
  ];

  const columns = "status, due_at, purge_at, job";

  function rowOf(key: IndexRowKey): IndexRow | undefined {
    return rows<IndexRow>(
      `SELECT ${columns} FROM entries WHERE ${ROW_KEY_CONDITION}`,
      ...keyOf(JOB_KEY, key),
    )[0];
  }

  /** The job's row, whatever status it had when it was last heard of, and even if it is being deleted. */
  function find({ type, createdAt, id }: Omit<IndexRowKey, "status">): IndexRow | undefined {
    return rows<IndexRow>(
      `SELECT ${columns} FROM entries WHERE ${JOB_ROWS_CONDITION}`,
      type,
      createdAt,
      id,
    )[0];
  }

  function has(label: string, key: IndexRowKey): boolean {
    return rows(`SELECT 1 FROM entries WHERE ${ROW_KEY_CONDITION}`, ...keyOf(label, key)).length > 0;
  }

  function write(entry: IndexEntry): void {
    const key = toRowKey(entry);
    for (const label of toIndexKeys(entry.job.metadata))
      sql.exec(
        "INSERT INTO entries (label, type, status, created_at, id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        ...keyOf(label, key),
      );
    sql.exec(
      `INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET due_at = excluded.due_at, purge_at = excluded.purge_at, job = excluded.job`,
      ...[...keyOf(JOB_KEY, key), entry.dueAt, entry.purgeAt, JSON.stringify(entry.job)],
    );
  }

  function remove(key: IndexRowKey): void {
    transient.delete(key.id);
    removePairs(key);
    for (const label of [JOB_KEY, DELETED_KEY])
      sql.exec(`DELETE FROM entries WHERE ${ROW_KEY_CONDITION}`, ...keyOf(label, key));
  }

  function removePairs(key: IndexRowKey): void {
    const row = rowOf(key);
    for (const label of row ? toIndexKeys((JSON.parse(row.job) as JobView).metadata) : [])
      sql.exec(`DELETE FROM entries WHERE ${ROW_KEY_CONDITION}`, ...keyOf(label, key));
  }

  /** The types there are, each found by one step in the key. */
  function types(label: string): string[] {
    const found: string[] = [];
    for (;;) {
      const text = "SELECT type FROM entries WHERE label = ? AND type > ? ORDER BY type LIMIT 1";
      const [next] = rows<{ type: string }>(text, label, found.at(-1) ?? "");
      if (!next) return found;
      found.push(next.type);
    }
  }

  /** Every type there is and status a filter asks for, each once however many or often it asks. */
  function* kinds(label: string, { types: asked, exceptTypes = [], statuses }: JobFilter) {
    for (const type of types(label)) {
      const isChosen = (asked.length === 0 || asked.includes(type)) && !exceptTypes.includes(type);
      for (const status of isChosen ? jobStatuses : [])
        if (statuses.length === 0 || statuses.includes(status)) yield { type, status };
    }
  }

  /** The keys of one type and status, newest first, read as far as they are asked for, a few at a time. */
  function* range(
    label: string,
    kind: TypeAndStatus,
    filter: JobFilter,
    after: JobPosition | null,
  ): KeyRange {
    for (let position = after, isMore = true; isMore; ) {
      const { createdAt = MAX_TIME, id = "" } = position ?? {};
      // The position bounds the times, too: SQLite would use only one of the bounds to find where to begin.
      const before = Math.min(filter.createdBefore ?? MAX_TIME, createdAt + 1);
      const found = rows<{ created_at: number; id: string }>(
        `SELECT created_at, id FROM entries WHERE label = ? AND type = ? AND status = ? AND created_at > ?
         AND created_at < ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ${KEYS_PER_READ}`,
        ...[label, kind.type, kind.status, filter.createdAfter ?? -1, before, createdAt, id],
      );
      for (const key of found) {
        position = { createdAt: key.created_at, id: key.id };
        yield { ...kind, ...position };
      }
      isMore = found.length === KEYS_PER_READ;
    }
    return undefined;
  }

  /** The labels a job must have, the rarest first: the fewer keys are looked at, the further a page goes. */
  function labelsOfFilter({ metadata }: JobFilter): string[] {
    const labels = toIndexKeys(metadata).slice(0, PAIRS_LIMIT);
    if (labels.length < 2) return labels;
    const text = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM entries WHERE label = ? LIMIT ?)";
    const sizes = new Map(
      labels.map((label) => [label, sql.exec<{ n: number }>(text, label, PROBED_MAX).one().n]),
    );
    return labels.sort((one, other) => (sizes.get(one) ?? 0) - (sizes.get(other) ?? 0));
  }

  /** The keys that a filter's types and statuses choose of a label, newest first. */
  function keys(label: string, filter: JobFilter, after: JobPosition | null): Iterable<IndexRowKey> {
    const ranges = [...kinds(label, filter)].map((kind) => range(label, kind, filter, after));
    return mergeNewestFirst(ranges);
  }

  /** The job of a key as it was last heard of, unless it has expired or lacks one of the other labels. */
  function listed(key: IndexRowKey, others: readonly string[], now: number): JobView | null {
    if (!others.every((label) => has(label, key))) return null;
    const row = rowOf(key);
    if (!row || (row.purge_at !== null && row.purge_at <= now)) return null;
    return transient.get(key.id)?.job ?? (JSON.parse(row.job) as JobView);
  }

  return {
    createTable: () => void sql.exec(ENTRIES_TABLE),

    /** Keeps what a job said of itself, unless newer words are known. Null if no row had to be written. */
    save(entry: IndexEntry, now: number): IndexChange | null {
      const { id, version, status } = entry.job;
      const row = find(toRowKey(entry));
      if (row?.purge_at === TOMBSTONE) return null;
      const stored = row && (JSON.parse(row.job) as JobView);
      const latest = transient.get(id);
      if (stored && Math.max(stored.version, latest?.version ?? 0) > version) return null;
      transient.delete(id);
      if (row && stored && isTransientUpdate(stored, row, entry)) {
        const isFresh = latest !== undefined && now - latest.writtenAt < TRANSIENT_WRITE_MS;
        const isStored = stored.version === version;
        const job = isFresh && !isStored ? entry.job : null;
        const writtenAt = isFresh ? latest.writtenAt : now;
        if (entry.finishedAt === null) transient.set(id, { job, version, dueAt: entry.dueAt, writtenAt });
        if (isFresh || isStored) return null;
      }
      if (row && row.status !== status) remove({ ...toRowKey(entry), status: row.status });
      write(entry);
      const wasOpen = !row || isUnfinishedStatus(row.status);
      return { isNew: !row, hasFinished: wasOpen && entry.finishedAt !== null };
    },

    remove,

    /**
     * Takes a job out of sight. A row of it stays until the job itself has been asked, a while later: words of it that
     * are still under way must not bring it back.
     */
    addTombstone(key: IndexRowKey, now: number): void {
      transient.delete(key.id);
      removePairs(key);
      sql.exec(
        `UPDATE entries SET label = '${DELETED_KEY}', purge_at = ${TOMBSTONE}, due_at = ? WHERE ${JOB_ROWS_CONDITION}`,
        ...[now, key.type, key.createdAt, key.id],
      );
    },

    /** Lets the next word of a job count again that was hidden at `hiddenBy` at the latest. */
    removeTombstone(key: IndexRowKey, hiddenBy: number): void {
      sql.exec(
        `UPDATE entries SET label = '${JOB_KEY}', purge_at = NULL, due_at = NULL WHERE ${ROW_KEY_CONDITION} AND due_at <= ?`,
        ...[...keyOf(DELETED_KEY, key), hiddenBy],
      );
    },

    /** A page of at most `limit` jobs after a position, newest first; `next` is null where the listing ends. */
    page(filter: JobFilter, after: JobPosition | null, limit: number, now: number): IndexPage {
      const [label = JOB_KEY, ...others] = labelsOfFilter(filter);
      const jobs: JobView[] = [];
      let examined = 0;
      let last: JobPosition | null = null;
      for (const key of keys(label, filter, after)) {
        if (jobs.length === limit || examined === EXAMINED_MAX) return { jobs, next: last };
        const job = listed(key, others, now);
        if (job) jobs.push(job);
        last = { createdAt: key.createdAt, id: key.id };
        examined += 1;
      }
      return { jobs, next: null };
    },

    /** How many jobs a filter chooses; reads the keys of them all. */
    count(filter: JobFilter, now: number): number {
      const [first = JOB_KEY, ...others] = [...labelsOfFilter(filter), JOB_KEY];
      const text = `SELECT COUNT(*) AS n FROM entries AS e0 ${others.map((_, at) => joinIndexKey(at + 1)).join(" ")}
        WHERE e0.label = ? AND e0.type = ? AND e0.status = ? AND e0.created_at > ? AND e0.created_at < ?
        AND ifnull(e${others.length}.purge_at, ${MAX_TIME}) > ?`;
      const bounds = [filter.createdAfter ?? -1, filter.createdBefore ?? MAX_TIME, now];
      let jobs = 0;
      for (const { type, status } of kinds(first, filter))
        jobs += sql.exec<{ n: number }>(text, ...others, first, type, status, ...bounds).one().n;
      return jobs;
    },

    /** Looks for jobs to be asked. One that has found as many as it may tells nothing of the others. */
    findOverdue(search: OverdueQuery): OverdueJobs {
      const found: OverdueJobs = { overdue: [], nextAt: null, isComplete: true };
      const all = [DELETED_KEY, JOB_KEY].flatMap((label) =>
        [...kinds(label, EVERYTHING)].map((kind) => [label, kind] as const),
      );
      for (const [label, { type, status }] of all) {
        const window = label === DELETED_KEY || isUnfinishedStatus(status) ? null : search.window;
        const range = sql.exec<SweepRow>(
          `SELECT created_at, id, due_at, purge_at FROM entries WHERE label = ? AND type = ? AND status = ?
           ORDER BY created_at, id LIMIT ?`,
          ...[label, type, status, window ?? -1],
        );
        let read = 0;
        for (const { id, created_at: createdAt, due_at, purge_at: purgeAt } of range) {
          const at = reconcileAt({ id, dueAt: transient.get(id)?.dueAt ?? due_at, purgeAt }, search);
          if (at > search.now) found.nextAt = Math.min(found.nextAt ?? at, at);
          else found.overdue.push({ type, status, createdAt, id });
          if (found.overdue.length === search.limit) return { ...found, nextAt: search.now };
          read += 1;
        }
        if (read === window) found.isComplete = false;
      }
      return found;
    },
  };
}

type TypeAndStatus = Pick<IndexRowKey, "type" | "status">;
type KeyRange = Generator<IndexRowKey, undefined>;
type SweepRow = { created_at: number; id: string; due_at: number | null; purge_at: number | null };

const EVERYTHING: JobFilter = {
  statuses: [],
  types: [],
  createdAfter: null,
  createdBefore: null,
  metadata: {},
};

const isUnfinishedStatus = (status: JobStatus) => status === "queued" || status === "running";

/** One more label that the counted jobs must have. CROSS keeps the order: few keys are chosen, then looked up. */
function joinIndexKey(at: number): string {
  const same = ["type", "status", "created_at", "id"].map((column) => `e${at}.${column} = e0.${column}`);
  return `CROSS JOIN entries AS e${at} ON e${at}.label = ? AND ${same.join(" AND ")}`;
}

/** Whether the news are of a kind that comes every second: the same state, only further on. */
function isTransientUpdate(
  stored: JobView,
  row: IndexRow,
  { job, purgeAt, finishedAt }: IndexEntry,
): boolean {
  if (row.purge_at !== purgeAt || row.status !== job.status) return false;
  if (finishedAt !== null) return stored.version === job.version;
  return stored.status_reason === job.status_reason && stored.attempt === job.attempt;
}
