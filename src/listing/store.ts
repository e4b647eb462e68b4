/**
 * The rows of a tenant's listing. A row's key is what jobs are asked for, label, type and status, then when it was
 * made: so any filter is a few ranges of one table, each read only as far as the page goes, and no further index is
 * paid for. The label is empty for the row that holds the job; for each pair of its metadata there is a bare row more.
 */

import { type JobStatus, jobStatuses } from "../core/job.ts";
import type { JobView } from "../job/present.ts";
import { type Entry, type Filter, type Key, keyOfEntry, labelsOf, type Position } from "./entry.ts";
import { newestFirst } from "./merge.ts";
import { askedAt, type Review, type Search } from "./review.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS entries (
  label TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, id TEXT NOT NULL,
  due_at INTEGER, expires_at INTEGER, job TEXT, PRIMARY KEY (label, type, status, created_at, id)
) WITHOUT ROWID`;

const KEY = "label = ? AND type = ? AND status = ? AND created_at = ? AND id = ?";

/** The label of a job's own row, and of one that is being deleted; those of metadata are JSON and begin with a bracket. */
const JOB = "";
const DELETED = "deleted";
const JOB_OF = `label IN ('${JOB}', '${DELETED}') AND type = ? AND created_at = ? AND id = ?
  AND status IN (${jobStatuses.map((status) => `'${status}'`).join()})`;

/** No job has so many pairs of metadata: whoever asks for more need not be looked for by all of them. */
const PAIRS_LIMIT = 17;

/** Of a range so many keys are read at once. */
const AT_ONCE = 8;

/** A page looks at no more jobs than this: where filters agree on few, it ends early and says where to go on. */
const EXAMINED_MAX = 1_000;

/** Of several pairs of metadata the rarest is looked for among so many rows of each. */
const PROBED_MAX = 200;

/** Of a job whose progress comes more often, this much time goes by between the rows that keep it. */
const PASSING_WRITE_MS = 10_000;

/** In the place of the time when a job expires: it is being deleted. */
const HIDDEN = 0;

/** Later than any time. */
const LAST = Number.MAX_SAFE_INTEGER - 1;

/** What saving an entry was, for whoever keeps count. */
export type Change = { isNew: boolean; hasEnded: boolean };
export type Page = { jobs: JobView[]; next: Position | null };

/** Of a job the word that has no row yet, or null if it has and is only due later than the row says. */
type Passing = { job: JobView | null; version: number; dueAt: number | null; writtenAt: number };

type Row = { status: JobStatus; due_at: number | null; expires_at: number | null; job: string };

/** The entries of one tenant. `begin` must have been called before anything else. */
export function openEntryStore({ sql }: DurableObjectStorage) {
  /** Progress comes every second and is soon outdone: it is shown, but not worth a row each time. By id. */
  const passing = new Map<string, Passing>();

  /** To the end: a statement half read stays open until garbage is collected, and thousands of them make all slow. */
  function rows<R extends Record<string, SqlStorageValue>>(text: string, ...values: SqlStorageValue[]): R[] {
    return sql.exec<R>(text, ...values).toArray();
  }

  const keyOf = (label: string, { type, status, createdAt, id }: Key) => [label, type, status, createdAt, id];

  const columns = "status, due_at, expires_at, job";

  function rowOf(key: Key): Row | undefined {
    return rows<Row>(`SELECT ${columns} FROM entries WHERE ${KEY}`, ...keyOf(JOB, key))[0];
  }

  /** The job's row, whatever status it had when it was last heard of, and even if it is being deleted. */
  function find({ type, createdAt, id }: Omit<Key, "status">): Row | undefined {
    return rows<Row>(`SELECT ${columns} FROM entries WHERE ${JOB_OF}`, type, createdAt, id)[0];
  }

  function has(label: string, key: Key): boolean {
    return rows(`SELECT 1 FROM entries WHERE ${KEY}`, ...keyOf(label, key)).length > 0;
  }

  function write(entry: Entry): void {
    const key = keyOfEntry(entry);
    for (const label of labelsOf(entry.job.metadata))
      sql.exec(
        "INSERT INTO entries (label, type, status, created_at, id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        ...keyOf(label, key),
      );
    sql.exec(
      `INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET due_at = excluded.due_at, expires_at = excluded.expires_at, job = excluded.job`,
      ...[...keyOf(JOB, key), entry.dueAt, entry.expiresAt, JSON.stringify(entry.job)],
    );
  }

  function remove(key: Key): void {
    passing.delete(key.id);
    removePairs(key);
    for (const label of [JOB, DELETED]) sql.exec(`DELETE FROM entries WHERE ${KEY}`, ...keyOf(label, key));
  }

  function removePairs(key: Key): void {
    const row = rowOf(key);
    for (const label of row ? labelsOf((JSON.parse(row.job) as JobView).metadata) : [])
      sql.exec(`DELETE FROM entries WHERE ${KEY}`, ...keyOf(label, key));
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
  function* kinds(label: string, { types: asked, exceptTypes = [], statuses }: Filter) {
    for (const type of types(label)) {
      const isChosen = (asked.length === 0 || asked.includes(type)) && !exceptTypes.includes(type);
      for (const status of isChosen ? jobStatuses : [])
        if (statuses.length === 0 || statuses.includes(status)) yield { type, status };
    }
  }

  /** The keys of one type and status, newest first, read as far as they are asked for, a few at a time. */
  function* range(label: string, kind: Kind, filter: Filter, after: Position | null): Range {
    for (let position = after, isMore = true; isMore; ) {
      const { createdAt = LAST, id = "" } = position ?? {};
      // The position bounds the times, too: SQLite would use only one of the bounds to find where to begin.
      const before = Math.min(filter.createdBefore ?? LAST, createdAt + 1);
      const found = rows<{ created_at: number; id: string }>(
        `SELECT created_at, id FROM entries WHERE label = ? AND type = ? AND status = ? AND created_at > ?
         AND created_at < ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ${AT_ONCE}`,
        ...[label, kind.type, kind.status, filter.createdAfter ?? -1, before, createdAt, id],
      );
      for (const key of found) {
        position = { createdAt: key.created_at, id: key.id };
        yield { ...kind, ...position };
      }
      isMore = found.length === AT_ONCE;
    }
    return undefined;
  }

  /** The labels a job must have, the rarest first: the fewer keys are looked at, the further a page goes. */
  function labelsOfFilter({ metadata }: Filter): string[] {
    const labels = labelsOf(metadata).slice(0, PAIRS_LIMIT);
    if (labels.length < 2) return labels;
    const text = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM entries WHERE label = ? LIMIT ?)";
    const sizes = new Map(
      labels.map((label) => [label, sql.exec<{ n: number }>(text, label, PROBED_MAX).one().n]),
    );
    return labels.sort((one, other) => (sizes.get(one) ?? 0) - (sizes.get(other) ?? 0));
  }

  /** The keys that a filter's types and statuses choose of a label, newest first. */
  function keys(label: string, filter: Filter, after: Position | null): Iterable<Key> {
    const ranges = [...kinds(label, filter)].map((kind) => range(label, kind, filter, after));
    return newestFirst(ranges);
  }

  /** The job of a key as it was last heard of, unless it has expired or lacks one of the other labels. */
  function listed(key: Key, others: readonly string[], now: number): JobView | null {
    if (!others.every((label) => has(label, key))) return null;
    const row = rowOf(key);
    if (!row || (row.expires_at !== null && row.expires_at <= now)) return null;
    return passing.get(key.id)?.job ?? (JSON.parse(row.job) as JobView);
  }

  return {
    begin: () => void sql.exec(TABLE),

    /** Keeps what a job said of itself, unless newer words are known. Null if no row had to be written. */
    save(entry: Entry, now: number): Change | null {
      const { id, version, status } = entry.job;
      const row = find(keyOfEntry(entry));
      if (row?.expires_at === HIDDEN) return null;
      const stored = row && (JSON.parse(row.job) as JobView);
      const latest = passing.get(id);
      if (stored && Math.max(stored.version, latest?.version ?? 0) > version) return null;
      passing.delete(id);
      if (row && stored && isPassing(stored, row, entry)) {
        const isFresh = latest !== undefined && now - latest.writtenAt < PASSING_WRITE_MS;
        const isStored = stored.version === version;
        const job = isFresh && !isStored ? entry.job : null;
        const writtenAt = isFresh ? latest.writtenAt : now;
        if (entry.finishedAt === null) passing.set(id, { job, version, dueAt: entry.dueAt, writtenAt });
        if (isFresh || isStored) return null;
      }
      if (row && row.status !== status) remove({ ...keyOfEntry(entry), status: row.status });
      write(entry);
      const wasOpen = !row || isOpen(row.status);
      return { isNew: !row, hasEnded: wasOpen && entry.finishedAt !== null };
    },

    remove,

    /**
     * Takes a job out of sight. A row of it stays until the job itself has been asked, a while later: words of it that
     * are still under way must not bring it back.
     */
    hide(key: Key, now: number): void {
      passing.delete(key.id);
      removePairs(key);
      sql.exec(
        `UPDATE entries SET label = '${DELETED}', expires_at = ${HIDDEN}, due_at = ? WHERE ${JOB_OF}`,
        ...[now, key.type, key.createdAt, key.id],
      );
    },

    /** Lets the next word of a job count again that was hidden at `hiddenBy` at the latest. */
    show(key: Key, hiddenBy: number): void {
      sql.exec(
        `UPDATE entries SET label = '${JOB}', expires_at = NULL, due_at = NULL WHERE ${KEY} AND due_at <= ?`,
        ...[...keyOf(DELETED, key), hiddenBy],
      );
    },

    /** A page of at most `limit` jobs after a position, newest first; `next` is null where the listing ends. */
    page(filter: Filter, after: Position | null, limit: number, now: number): Page {
      const [label = JOB, ...others] = labelsOfFilter(filter);
      const jobs: JobView[] = [];
      let examined = 0;
      let last: Position | null = null;
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
    count(filter: Filter, now: number): number {
      const [first = JOB, ...others] = [...labelsOfFilter(filter), JOB];
      const text = `SELECT COUNT(*) AS n FROM entries AS e0 ${others.map((_, at) => joined(at + 1)).join(" ")}
        WHERE e0.label = ? AND e0.type = ? AND e0.status = ? AND e0.created_at > ? AND e0.created_at < ?
        AND ifnull(e${others.length}.expires_at, ${LAST}) > ?`;
      const bounds = [filter.createdAfter ?? -1, filter.createdBefore ?? LAST, now];
      let jobs = 0;
      for (const { type, status } of kinds(first, filter))
        jobs += sql.exec<{ n: number }>(text, ...others, first, type, status, ...bounds).one().n;
      return jobs;
    },

    /** Looks for jobs to be asked. One that has found as many as it may tells nothing of the others. */
    review(search: Search): Review {
      const found: Review = { late: [], nextAt: null, isWhole: true };
      const all = [DELETED, JOB].flatMap((label) =>
        [...kinds(label, everything)].map((kind) => [label, kind] as const),
      );
      for (const [label, { type, status }] of all) {
        const window = label === DELETED || isOpen(status) ? null : search.window;
        const range = sql.exec<ReviewRow>(
          `SELECT created_at, id, due_at, expires_at FROM entries WHERE label = ? AND type = ? AND status = ?
           ORDER BY created_at, id LIMIT ?`,
          ...[label, type, status, window ?? -1],
        );
        let read = 0;
        for (const { id, created_at: createdAt, due_at, expires_at: expiresAt } of range) {
          const at = askedAt({ id, dueAt: passing.get(id)?.dueAt ?? due_at, expiresAt }, search);
          if (at > search.now) found.nextAt = Math.min(found.nextAt ?? at, at);
          else found.late.push({ type, status, createdAt, id });
          if (found.late.length === search.limit) return { ...found, nextAt: search.now };
          read += 1;
        }
        if (read === window) found.isWhole = false;
      }
      return found;
    },
  };
}

type Kind = Pick<Key, "type" | "status">;
type Range = Generator<Key, undefined>;
type ReviewRow = { created_at: number; id: string; due_at: number | null; expires_at: number | null };

const everything: Filter = { statuses: [], types: [], createdAfter: null, createdBefore: null, metadata: {} };

const isOpen = (status: JobStatus) => status === "queued" || status === "running";

/** One more label that the counted jobs must have. CROSS keeps the order: few keys are chosen, then looked up. */
function joined(at: number): string {
  const same = ["type", "status", "created_at", "id"].map((column) => `e${at}.${column} = e0.${column}`);
  return `CROSS JOIN entries AS e${at} ON e${at}.label = ? AND ${same.join(" AND ")}`;
}

/** Whether the news are of a kind that comes every second: the same state, only further on. */
function isPassing(stored: JobView, row: Row, { job, expiresAt, finishedAt }: Entry): boolean {
  if (row.expires_at !== expiresAt || row.status !== job.status) return false;
  if (finishedAt !== null) return stored.version === job.version;
  return stored.status_reason === job.status_reason && stored.attempt === job.attempt;
}
