/**
 * How a job object keeps its job: one row for the job with the tail of its events, so that a transition is one
 * row written. Rows of their own have only texts too large to rewrite each time, and full chunks of events.
 * It knows no rule of a job's life; it only keeps what it is given.
 */

import type { Decision, Job, JobEvent } from "../../core/job.ts";

/** A text longer than this has a row of its own, written once, instead of riding along with every change. */
const INLINE_CHARS_MAX = 16 * 1024;

/** The tail is moved to a row of its own at this many events or characters: long enough to be rare. */
const TAIL_EVENTS_MAX = 64;
const TAIL_CHARS_MAX = 64 * 1024;

const CHUNKS = "events/";

const longTexts = ["input", "checkpoint", "result"] as const;
type LongText = (typeof longTexts)[number];

/** The existing job that an idempotency key of this object was answered with. */
export type Alias = { tenant: string; fingerprint: string; ownerJobId: string };

/** `isUnconfirmed` says that the index may lack a change. */
type JobRow = { job: Job; apart: LongText[]; tail: readonly JobEvent[]; isUnconfirmed: boolean };

/** The rows of one job. Reads are synchronous; everything written between two awaits is one commit. */
export function openJobStore(storage: DurableObjectStorage) {
  let known: { readRow: JobRow; job: Job } | null | undefined;

  function readRow(): { readRow: JobRow; job: Job } | null {
    if (known === undefined) {
      const stored = storage.kv.get<JobRow>("job");
      known = stored
        ? { readRow: stored, job: { ...stored.job, ...readApart(storage, stored.apart) } }
        : null;
    }
    return known;
  }

  function withTail(events: readonly JobEvent[]): readonly JobEvent[] {
    const tail = [...(readRow()?.readRow.tail ?? []), ...events];
    const first = tail[0];
    const isFull = tail.length > TAIL_EVENTS_MAX || JSON.stringify(tail).length > TAIL_CHARS_MAX;
    if (!first || !isFull) return tail;
    storage.kv.put(chunkKey(first.seq), tail);
    return [];
  }

  return {
    /** The job, or null if there is none. Writes nothing. */
    load: (): Job | null => readRow()?.job ?? null,

    /** Whether there is neither a job nor an alias; then there is no alarm either. */
    isEmpty: (): boolean => readRow() === null && storage.kv.get("alias") === undefined,

    /** Whether the index may lack a change that was saved with `isNews`. */
    isUnconfirmed: (): boolean => readRow()?.readRow.isUnconfirmed ?? true,

    /** Notes that the index has the job as it is. Written with the next change: at worst it is confirmed once more. */
    confirm(): void {
      if (known) known = { ...known, readRow: { ...known.readRow, isUnconfirmed: false } };
    },

    /** Keeps a decision's job and events; one row unless a text or a chunk of events is due. */
    save({ job, events }: Pick<Decision, "job" | "events">, isNews: boolean): void {
      const isUnconfirmed = isNews || (readRow()?.readRow.isUnconfirmed ?? true);
      const apart = writeApart(storage, job, readRow()?.job);
      const tail = withTail(events);
      const inline = { ...job, ...Object.fromEntries(apart.map((name) => [name, null])) };
      const stored: JobRow = { job: inline, apart, tail, isUnconfirmed };
      storage.kv.put("job", stored);
      known = { readRow: stored, job };
    },

    /** The events after `seq`, oldest first; reads no chunk that ends before. */
    eventsAfter(seq: number): JobEvent[] {
      const [last] = storage.kv.list({ prefix: CHUNKS, end: chunkKey(seq + 2), reverse: true, limit: 1 });
      const chunks = [...storage.kv.list<JobEvent[]>({ prefix: CHUNKS, ...(last && { start: last[0] }) })];
      const events = [...chunks.flatMap(([, chunk]) => chunk), ...(readRow()?.readRow.tail ?? [])];
      return events.filter((event) => event.seq > seq);
    },

    loadAlias: (): Alias | undefined => storage.kv.get<Alias>("alias"),
    saveAlias: (alias: Alias): void => storage.kv.put("alias", alias),
    dropAlias(): void {
      if (storage.kv.get("alias") !== undefined) storage.kv.delete("alias");
    },

    /** Deletes everything, the alarm included. */
    async deleteAll(): Promise<void> {
      known = null;
      await storage.deleteAll();
    },
  };
}

export type JobStore = ReturnType<typeof openJobStore>;

function readApart({ kv }: DurableObjectStorage, apart: readonly LongText[]): Partial<Job> {
  const decode = (name: LongText) => new TextDecoder().decode(kv.get<Uint8Array>(`text/${name}`));
  return Object.fromEntries(apart.map((name) => [name, decode(name)]));
}

/** Stores long texts as bytes, so that their size is the one that was validated; returns which texts those are. */
function writeApart({ kv }: DurableObjectStorage, job: Job, before: Job | undefined): LongText[] {
  return longTexts.filter((name) => {
    const text = job[name];
    const isApart = text !== null && text.length > INLINE_CHARS_MAX;
    if (isApart && text !== before?.[name]) kv.put(`text/${name}`, new TextEncoder().encode(text));
    return isApart;
  });
}

/** Keys sort as their numbers do. */
function chunkKey(seq: number): string {
  return `${CHUNKS}${String(seq).padStart(12, "0")}`;
}
