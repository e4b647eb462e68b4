/**
 * The storage of one object, as the platform keeps it: what is written in one synchronous stretch is one commit, the
 * alarm with it. Until then nothing the object says leaves it; if it dies before, the writes are undone.
 */

import { copy } from "./copy.ts";
import type { Call } from "./process.ts";
import { openSql, type Sql } from "./sql.ts";

/** What survives the object in memory. */
export type Durable = {
  kv: Map<string, unknown>;
  alarm: number | null;
  sql: Sql | null;
  /** Whether the object has no room left, so that what would add to its tables throws. */
  isFull: () => boolean;
};

/** One stretch of writes. `call` is the call whose code wrote first; null for the platform's own calls. */
type Unit = { call: Call | null; undo: (() => void)[]; dispatches: (() => void)[] };

export type Storage = ReturnType<typeof openStorage>;

/** What the object's host does around a commit. */
type Host = {
  call: () => Call | null;
  isAlive: () => boolean;
  /** Decides at the end of a stretch: undo it, keep it and die, or keep it and go on. */
  outcome: () => "undo" | "keep and die" | "keep";
  committed: (call: Call | null) => void;
  die: () => void;
};

export function emptyDurable(isFull: () => boolean): Durable {
  return { kv: new Map(), alarm: null, sql: null, isFull };
}

/** The storage of one life of an object. */
export function openStorage(durable: Durable, host: Host) {
  let unit: Unit | null = null;

  /** The stretch this write belongs to; it ends before any other code runs. Throws in an object that is dead. */
  function write(undo: () => void): void {
    if (!host.isAlive()) throw new Error("This object is no longer in memory.");
    if (!unit) {
      unit = { call: host.call(), undo: [], dispatches: [] };
      queueMicrotask(conclude);
    }
    unit.undo.push(undo);
  }

  function abandon(): void {
    if (!unit) return;
    for (const undo of unit.undo.reverse()) undo();
    unit = null;
  }

  function conclude(): void {
    if (!unit) return;
    const outcome = host.outcome();
    if (outcome === "undo") {
      abandon();
      host.die();
      return;
    }
    const { call, dispatches } = unit;
    unit = null;
    durable.sql?.commit();
    host.committed(call);
    if (outcome === "keep and die") host.die();
    else for (const send of dispatches) send();
  }

  /** Nothing comes of what code goes on to write after its object has died. */
  function set(key: string, value: unknown): void {
    if (!host.isAlive()) return;
    const had = durable.kv.has(key);
    const before = durable.kv.get(key);
    write(() => {
      if (had) durable.kv.set(key, before);
      else durable.kv.delete(key);
    });
    if (value === undefined) durable.kv.delete(key);
    else durable.kv.set(key, copy(value));
  }

  function setAlarm(at: number | null): void {
    if (!host.isAlive()) return;
    const before = durable.alarm;
    write(() => {
      durable.alarm = before;
    });
    durable.alarm = at;
  }

  async function deleteAll(): Promise<void> {
    for (const key of [...durable.kv.keys()]) set(key, undefined);
    setAlarm(null);
    if (durable.sql && host.isAlive()) durable.sql.clear(write);
  }

  const api = {
    kv: {
      get: (key: string) => copy(durable.kv.get(key)),
      put: (key: string, value: unknown) => set(key, value),
      delete: (key: string) => set(key, undefined),
      list: (options: ListOptions = {}) => entriesOf(durable.kv, options).map(copy),
    },
    get sql() {
      durable.sql ??= openSql(durable.isFull);
      return durable.sql.api(write);
    },
    transactionSync<T>(act: () => T): T {
      durable.sql ??= openSql(durable.isFull);
      return durable.sql.nested(write, act);
    },
    getAlarm: async () => durable.alarm,
    setAlarm: async (at: number | Date) => setAlarm(Number(at)),
    deleteAlarm: async () => setAlarm(null),
    deleteAll,
  };

  return {
    api,
    /** Lets a message leave once what was written before it is stored. */
    gate(send: () => void): void {
      if (unit) unit.dispatches.push(send);
      else send();
    },
    /** Undoes what was not yet stored. */
    abandon,
  };
}

type ListOptions = { prefix?: string; start?: string; end?: string; reverse?: boolean; limit?: number };

/** Entries in the order of their keys, as `storage.kv.list` gives them. */
export function entriesOf(kv: ReadonlyMap<string, unknown>, options: ListOptions): [string, unknown][] {
  const { prefix = "", start, end, reverse = false, limit = Number.POSITIVE_INFINITY } = options;
  const isWanted = (key: string) =>
    key.startsWith(prefix) && (start === undefined || key >= start) && (end === undefined || key < end);
  const keys = [...kv.keys()].filter(isWanted).sort();
  if (reverse) keys.reverse();
  return keys.slice(0, limit).map((key) => [key, kv.get(key)]);
}
