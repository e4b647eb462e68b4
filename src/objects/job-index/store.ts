/** The entries of a tenant's job index: what is saved of each update, and the pages, counts and overdue jobs. */

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
import {
  type IndexRow,
  JOB_KEY,
  RowStore,
  TOMBSTONE,
  TOMBSTONE_KEY,
  type TypeAndStatus,
} from "./row-store.ts";

/** A job has at most 16 metadata pairs, so a filter of more matches nothing and need not be checked in full. */
const METADATA_PAIRS_MAX = 17;

/** A page examines at most this many keys; if few match, it ends early and its cursor goes on from there. */
const EXAMINED_MAX = 1_000;

/** Rows counted per metadata pair to find the rarest. */
const PROBED_MAX = 200;

/** Progress of a running job is written at most this often. */
const TRANSIENT_WRITE_MS = 30_000;

const UNFINISHED: readonly JobStatus[] = ["queued", "running"];

const ALL_JOBS: JobFilter = {
  statuses: [],
  types: [],
  createdAfter: null,
  createdBefore: null,
  metadata: {},
};

/** What a written entry was, for the statistics. */
export type IndexChange = { isNew: boolean; hasFinished: boolean };

/** A newer view that has no row yet; null if the row is current and only its `dueAt` is later now. */
type TransientEntry = { job: JobView | null; version: number; dueAt: number | null; writtenAt: number };

/** What to do with an update. */
type Update =
  | { kind: "outdated" }
  /** The row already has this version; only the due time moved. */
  | { kind: "keep_due_time"; writtenAt: number }
  /** Progress soon after a write: kept in memory until the next one. */
  | { kind: "hold"; writtenAt: number }
  | { kind: "write"; isTransient: boolean };

/** The last row that a sweep examined. */
export type SweepPosition = IndexRowKey & { indexKey: string };

/** Which jobs to find: those that should have changed `graceMs` ago. */
type OverdueQuery = {
  /** Where to go on; null to begin. */
  from: SweepPosition | null;
  /** So many rows are examined, and so many jobs found, at most. */
  window: number;
  limit: number;
  graceMs: number;
  now: number;
  /** Jobs that did not respond, by id, and when they are reconciled again. */
  backoffUntil: ReadonlyMap<string, number>;
};

/** `nextAt` is when one of the other examined jobs is overdue; `position` is where to go on, null at the end. */
export type OverdueJobs = { overdue: IndexRowKey[]; nextAt: number | null; position: SweepPosition | null };

/** The entries of one tenant. `createTable` must have been called before anything else. */
export class IndexStore {
  readonly #rows: RowStore;
  /** Progress that is shown but has no row yet, by job id. An eviction may lose it. */
  readonly #transient = new Map<string, TransientEntry>();

  constructor({ sql }: DurableObjectStorage) {
    this.#rows = new RowStore(sql);
  }

  createTable(): void {
    this.#rows.createTable();
  }

  /** Keeps an entry unless a newer one is known. Returns null if no row was written. */
  save(entry: IndexEntry, now: number): IndexChange | null {
    const { id, version, status } = entry.job;
    const row = this.#rows.findAnyStatus(toRowKey(entry));
    const update = classify(entry, row, this.#transient.get(id), now);
    if (update.kind === "outdated") return null;
    this.#transient.delete(id);
    const isUnfinished = entry.finishedAt === null;
    if (update.kind === "write") {
      if (update.isTransient && isUnfinished)
        this.#transient.set(id, { job: null, version, dueAt: entry.dueAt, writtenAt: now });
      if (row && row.status !== status) this.#rows.delete({ ...toRowKey(entry), status: row.status });
      this.#rows.write(entry);
      const wasUnfinished = !row || isUnfinishedStatus(row.status);
      return { isNew: !row, hasFinished: wasUnfinished && !isUnfinished };
    }
    const job = update.kind === "hold" ? entry.job : null;
    if (isUnfinished)
      this.#transient.set(id, { job, version, dueAt: entry.dueAt, writtenAt: update.writtenAt });
    return null;
  }

  /** Whether there is a job of this key that is not deleted. */
  isListed(key: IndexRowKey): boolean {
    const row = this.#rows.findAnyStatus(key);
    return row !== undefined && row.purge_at !== TOMBSTONE;
  }

  delete(key: IndexRowKey): void {
    this.#transient.delete(key.id);
    this.#rows.delete(key);
  }

  /** Deletes a job whose row may have another status than its key says. */
  deleteAnyStatus(key: IndexRowKey): void {
    for (const status of jobStatuses) this.delete({ ...key, status });
  }

  /** Whether any job may still change: it is unfinished, or its deletion is not confirmed. */
  hasUnsettled(): boolean {
    return this.#sweptKinds().next().value !== undefined;
  }

  /** Takes a job out of the list. The tombstone stays until the job is reconciled, so that late updates have no effect. */
  addTombstone(key: IndexRowKey, now: number): void {
    this.#transient.delete(key.id);
    this.#rows.deleteMetadataRows(key);
    this.#rows.addTombstone(key, now);
  }

  /** Lets the next update of a job have effect again, if its tombstone was made at `madeBy` or before. */
  removeTombstone(key: IndexRowKey, madeBy: number): void {
    this.#rows.removeTombstone(key, madeBy);
  }

  /** At most `limit` jobs after a position, newest first; `next` is null at the end of the list. */
  page(filter: JobFilter, after: JobPosition | null, limit: number, now: number): IndexPage {
    const [indexKey = JOB_KEY, ...others] = this.#indexKeysOf(filter);
    const kinds = [...this.#rows.typesAndStatuses(indexKey, filter)];
    const ranges = kinds.map((kind) => this.#rows.range(indexKey, kind, filter, after));
    const jobs: JobView[] = [];
    let examined = 0;
    let last: JobPosition | null = null;
    for (const key of mergeNewestFirst(ranges)) {
      if (jobs.length === limit || examined === EXAMINED_MAX) return { jobs, next: last };
      const job = this.#listedJob(key, others, now);
      if (job) jobs.push(job);
      last = { createdAt: key.createdAt, id: key.id };
      examined += 1;
    }
    return { jobs, next: null };
  }

  /** How many jobs a filter matches; reads the keys of them all. */
  count(filter: JobFilter, now: number): number {
    const indexKeys = this.#indexKeysOf(filter);
    let jobs = 0;
    for (const kind of this.#rows.typesAndStatuses(indexKeys[0] ?? JOB_KEY, filter))
      jobs += this.#rows.countJobs(indexKeys, kind, filter, now);
    return jobs;
  }

  /** The jobs to reconcile among the next rows of those that may still change. */
  findOverdue(query: OverdueQuery): OverdueJobs {
    const found: OverdueJobs = { overdue: [], nextAt: null, position: null };
    let left = query.window;
    for (const kind of this.#sweptKinds(query.from)) {
      const { indexKey, type, status } = kind;
      const after = isSameKind(kind, query.from) ? query.from : null;
      for (const row of this.#rows.dueRows(indexKey, kind, after, left)) {
        const { id, created_at: createdAt } = row;
        const at = reconcileAt({ id, dueAt: this.#transient.get(id)?.dueAt ?? row.due_at }, query);
        if (at > query.now) found.nextAt = Math.min(found.nextAt ?? at, at);
        else found.overdue.push({ type, status, createdAt, id });
        left -= 1;
        if (left === 0 || found.overdue.length === query.limit)
          return { ...found, position: { indexKey, type, status, createdAt, id } };
      }
    }
    return found;
  }

  /** Index keys, types and statuses of rows that may still change, in an order of their own, from that of `from` on. */
  *#sweptKinds(from: SweepPosition | null = null): Generator<TypeAndStatus & { indexKey: string }> {
    let isReached = from === null;
    for (const indexKey of [TOMBSTONE_KEY, JOB_KEY]) {
      const statuses = indexKey === TOMBSTONE_KEY ? [] : UNFINISHED;
      for (const kind of [...this.#rows.typesAndStatuses(indexKey, { ...ALL_JOBS, statuses })]) {
        const swept = { ...kind, indexKey };
        isReached ||= isSameKind(swept, from);
        if (isReached && this.#rows.hasKind(indexKey, kind)) yield swept;
      }
    }
  }

  /** The index keys a job must have, the rarest first: the fewer keys are examined, the further a page goes. */
  #indexKeysOf({ metadata }: JobFilter): string[] {
    const indexKeys = toIndexKeys(metadata).slice(0, METADATA_PAIRS_MAX);
    if (indexKeys.length < 2) return indexKeys;
    const sizes = new Map(indexKeys.map((key) => [key, this.#rows.countRows(key, PROBED_MAX)]));
    return indexKeys.sort((one, other) => (sizes.get(one) ?? 0) - (sizes.get(other) ?? 0));
  }

  /** The newest view of a job; null if it is to be purged or lacks one of the other index keys. */
  #listedJob(key: IndexRowKey, others: readonly string[], now: number): JobView | null {
    if (!others.every((indexKey) => this.#rows.has(indexKey, key))) return null;
    const row = this.#rows.find(key);
    if (!row || (row.purge_at !== null && row.purge_at <= now)) return null;
    return this.#transient.get(key.id)?.job ?? (JSON.parse(row.job) as JobView);
  }
}

function classify(
  entry: IndexEntry,
  row: IndexRow | undefined,
  latest: TransientEntry | undefined,
  now: number,
): Update {
  if (!row) return { kind: "write", isTransient: false };
  if (row.purge_at === TOMBSTONE) return { kind: "outdated" };
  const { version } = entry.job;
  const stored = JSON.parse(row.job) as JobView;
  if (Math.max(stored.version, latest?.version ?? 0) > version) return { kind: "outdated" };
  if (!isTransientUpdate(stored, row, entry)) return { kind: "write", isTransient: false };
  const isFresh = latest !== undefined && now - latest.writtenAt < TRANSIENT_WRITE_MS;
  const writtenAt = isFresh ? latest.writtenAt : now;
  if (stored.version === version) return { kind: "keep_due_time", writtenAt };
  return isFresh ? { kind: "hold", writtenAt } : { kind: "write", isTransient: true };
}

function isUnfinishedStatus(status: JobStatus): boolean {
  return status === "queued" || status === "running";
}

/** Whether only progress changed, which comes every second. */
function isTransientUpdate(
  stored: JobView,
  row: IndexRow,
  { job, purgeAt, finishedAt }: IndexEntry,
): boolean {
  if (row.purge_at !== purgeAt || row.status !== job.status) return false;
  if (finishedAt !== null) return stored.version === job.version;
  return stored.status_reason === job.status_reason && stored.attempt === job.attempt;
}

function isSameKind(one: TypeAndStatus & { indexKey: string }, other: SweepPosition | null): boolean {
  return one.indexKey === other?.indexKey && one.type === other.type && one.status === other.status;
}

/** When a job is reconciled: after it is overdue, unless it did not answer lately. */
function reconcileAt(
  { id, dueAt }: { id: string; dueAt: number | null },
  { graceMs, now, backoffUntil }: OverdueQuery,
): number {
  return Math.max(dueAt === null ? now : dueAt + graceMs, backoffUntil.get(id) ?? 0);
}
