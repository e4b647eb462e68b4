/**
 * The rows of a tenant's listing. A row's key is what jobs are asked for, label, type and status, then when it was
 * made: so any filter is a few ranges of one table, each read only as far as the page goes, and no further index is
 * paid for. The label is empty for the row that holds the job; for each pair of its metadata there is a bare row more.
 */

import { type JobStatus, jobStatuses } from "../core/job.ts";
import type { JobView } from "../job/present.ts";
import type { Entry, Filter, Key, Position } from "./entry.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS entries (
  label TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, id TEXT NOT NULL,
  due_at INTEGER, expires_at INTEGER, job TEXT, PRIMARY KEY (label, type, status, created_at, id)
) WITHOUT ROWID`;

const KEY = "label = ? AND type = ? AND status = ? AND created_at = ? AND id = ?";
const JOB = "";

/** A page looks at no more jobs than this: where filters agree on few, it ends early and says where to go on. */
const EXAMINED_MAX = 1_000;

/** So many of the oldest finished jobs of a type and status are looked at for what has expired. */
const EXPIRY_WINDOW = 500;

/** Of a job whose progress comes more often, this much time goes by between the rows that keep it. */
const PASSING_WRITE_MS = 10_000;

/** In the place of the time when a job expires: it is being deleted. */
const HIDDEN = 0;

/** What saving an entry was, for whoever keeps count. */
export type Change = { isNew: boolean; hasEnded: boolean };
export type Page = { jobs: JobView[]; next: Position | null };

type Row = { status: JobStatus; due_at: number | null; expires_at: number | null; job: string };

/** The entries of one tenant. `begin` must have been called before anything else. */
export function openEntryStore({ sql }: DurableObjectStorage) {
  /** Progress comes every second and is soon outdone: it is shown, but not worth a row each time. By id. */
  const passing = new Map<string, { entry: Entry; writtenAt: number }>();

  const keyOf = (label: string, { type, status, createdAt, id }: Key) => [label, type, status, createdAt, id];

  function rowOf(key: Key): Row | undefined {
    const columns = "status, due_at, expires_at, job";
    const [row] = sql.exec<Row>(`SELECT ${columns} FROM entries WHERE ${KEY}`, ...keyOf(JOB, key));
    return row;
  }

  /** The job's row, whatever status it had when it was last heard of. */
  function find({ type, createdAt, id }: Omit<Key, "status">): Row | undefined {
    for (const status of jobStatuses) {
      const row = rowOf({ type, status, createdAt, id });
      if (row) return row;
    }
    return undefined;
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
    const row = rowOf(key);
    if (!row) return;
    const { metadata } = JSON.parse(row.job) as JobView;
    for (const label of [JOB, ...labelsOf(metadata)])
      sql.exec(`DELETE FROM entries WHERE ${KEY}`, ...keyOf(label, key));
  }

  /** The types there are, each found by one step in the key. */
  function types(label: string): string[] {
    const found: string[] = [];
    for (;;) {
      const [next] = sql.exec<{ type: string }>(
        "SELECT type FROM entries WHERE label = ? AND type > ? ORDER BY type LIMIT 1",
        ...[label, found.at(-1) ?? ""],
      );
      if (!next) return found;
      found.push(next.type);
    }
  }

  /** Every type and status a filter asks for. */
  function* kinds(label: string, { types: asked, exceptTypes = [], statuses }: Filter) {
    for (const type of asked.length > 0 ? asked : types(label))
      for (const status of statuses.length > 0 ? statuses : jobStatuses)
        if (!exceptTypes.includes(type)) yield { type, status };
  }

  /** The keys of one type and status, newest first, read as far as they are asked for. */
  function* range(
    label: string,
    kind: Kind,
    filter: Filter,
    after: Position | null,
  ): Generator<Key, undefined> {
    const { createdAt = Number.MAX_SAFE_INTEGER, id = "" } = after ?? {};
    const before = filter.createdBefore ?? Number.MAX_SAFE_INTEGER;
    const rows = sql.exec<{ created_at: number; id: string }>(
      `SELECT created_at, id FROM entries WHERE label = ? AND type = ? AND status = ?
       AND created_at > ? AND created_at < ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC`,
      ...[label, kind.type, kind.status, filter.createdAfter ?? -1, before, createdAt, id],
    );
    for (const row of rows) yield { ...kind, createdAt: row.created_at, id: row.id };
    return undefined;
  }

  /** The keys that a filter's types, statuses and first label choose, newest first. */
  function* keys(filter: Filter, after: Position | null): Generator<Key> {
    const [label = JOB] = labelsOf(filter.metadata);
    const ranges = [...kinds(label, filter)].map((kind) => range(label, kind, filter, after));
    const heads = ranges.map((keysOfKind) => keysOfKind.next());
    for (;;) {
      const first = heads.reduce(
        (best, { value }, at) => (value && isNewer(value, heads[best]?.value) ? at : best),
        0,
      );
      const key = heads[first]?.value;
      const rest = ranges[first];
      if (!key || !rest) return;
      yield key;
      heads[first] = rest.next();
    }
  }

  /** The job of a key as it was last heard of, unless it has expired or has other metadata than the filter asks for. */
  function listed(key: Key, { metadata }: Filter, now: number): JobView | null {
    const row = rowOf(key);
    if (!row || (row.expires_at !== null && row.expires_at <= now)) return null;
    const job = JSON.parse(row.job) as JobView;
    const hasAll = Object.entries(metadata).every(([name, value]) => job.metadata[name] === value);
    return hasAll ? (passing.get(key.id)?.entry.job ?? job) : null;
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
      if (stored && Math.max(stored.version, latest?.entry.job.version ?? 0) > version) return null;
      passing.delete(id);
      if (row && stored && isPassing(stored, row, entry)) {
        const isFresh = latest !== undefined && now - latest.writtenAt < PASSING_WRITE_MS;
        if (entry.finishedAt === null)
          passing.set(id, { entry, writtenAt: isFresh ? latest.writtenAt : now });
        if (isFresh || stored.version === version) return null;
      }
      if (row && row.status !== status) remove({ ...keyOfEntry(entry), status: row.status });
      write(entry);
      const wasOpen = !row || row.status === "queued" || row.status === "running";
      return { isNew: !row, hasEnded: wasOpen && entry.finishedAt !== null };
    },

    remove,

    /**
     * Takes a job out of sight. Its row stays until the job itself has been asked, a while later: words of it that are
     * still under way must not bring it back.
     */
    hide(key: Key, now: number): void {
      passing.delete(key.id);
      sql.exec(
        `UPDATE entries SET expires_at = ${HIDDEN}, due_at = ? WHERE ${KEY}`,
        ...[now, ...keyOf(JOB, key)],
      );
    },

    /** Lets the next word of a hidden job count again. */
    show(key: Key): void {
      sql.exec(
        `UPDATE entries SET expires_at = NULL, due_at = NULL WHERE ${KEY} AND expires_at = ${HIDDEN}`,
        ...keyOf(JOB, key),
      );
    },

    /** A page of at most `limit` jobs after a position, newest first; `next` is null where the listing ends. */
    page(filter: Filter, after: Position | null, limit: number, now: number): Page {
      const jobs: JobView[] = [];
      let examined = 0;
      let last: Position | null = null;
      for (const key of keys(filter, after)) {
        if (jobs.length === limit || examined === EXAMINED_MAX) return { jobs, next: last };
        const job = listed(key, filter, now);
        if (job) jobs.push(job);
        last = { createdAt: key.createdAt, id: key.id };
        examined += 1;
      }
      return { jobs, next: null };
    },

    /** How many jobs a filter chooses; reads them all. */
    count(filter: Filter, now: number): number {
      let jobs = 0;
      for (const key of keys(filter, null)) if (listed(key, filter, now)) jobs += 1;
      return jobs;
    },

    /**
     * The jobs that should have moved before `overdueAt`, or be gone by `now`, at most `limit`; and when there will be
     * more of either, as far as is known.
     */
    review(overdueAt: number, now: number, limit: number): { late: Key[]; nextAt: number | null } {
      const late: Key[] = [];
      let nextAt = Number.POSITIVE_INFINITY;
      const look = ({ created_at, id, due_at, expires_at }: ReviewRow, kind: Kind) => {
        const dueAt = passing.get(id)?.entry.dueAt ?? due_at;
        const isLate = dueAt === null ? (expires_at ?? 0) <= now : dueAt <= overdueAt;
        if (isLate && late.length < limit) late.push({ ...kind, createdAt: created_at, id });
        else nextAt = Math.min(nextAt, dueAt === null ? (expires_at ?? now) : dueAt + (now - overdueAt));
      };
      for (const kind of kinds(JOB, everything)) {
        const isOpen = kind.status === "queued" || kind.status === "running";
        const rows = sql.exec<ReviewRow>(
          `SELECT created_at, id, due_at, expires_at FROM entries WHERE label = ? AND type = ? AND status = ?
           ORDER BY created_at, id LIMIT ?`,
          ...[JOB, kind.type, kind.status, isOpen ? -1 : EXPIRY_WINDOW],
        );
        for (const row of rows) look(row, kind);
      }
      return { late, nextAt: Number.isFinite(nextAt) ? nextAt : null };
    },
  };
}

type Kind = Pick<Key, "type" | "status">;
type ReviewRow = { created_at: number; id: string; due_at: number | null; expires_at: number | null };

const everything: Filter = { statuses: [], types: [], createdAfter: null, createdBefore: null, metadata: {} };

/** The row an entry belongs in. */
export function keyOfEntry({ job, createdAt }: Entry): Key {
  return { type: job.type, status: job.status, createdAt, id: job.id };
}

/** A label for each pair, that no other pair has. */
function labelsOf(metadata: Readonly<Record<string, string>>): string[] {
  return Object.entries(metadata).map((pair) => JSON.stringify(pair));
}

function isNewer(one: Key, other: Key | undefined): boolean {
  if (!other) return true;
  return one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt;
}

/** Whether the news are of a kind that comes every second: the same state, only further on. */
function isPassing(stored: JobView, row: Row, { job, expiresAt, finishedAt }: Entry): boolean {
  if (row.expires_at !== expiresAt || row.status !== job.status) return false;
  if (finishedAt !== null) return stored.version === job.version;
  return stored.status_reason === job.status_reason && stored.attempt === job.attempt;
}
