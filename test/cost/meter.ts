/**
 * Counts what Cloudflare bills, by wrapping the real storage, queues and stubs. Kept on globalThis, for the Worker under
 * test and the tests load their modules apart.
 */

import type { Env } from "../../src/env.ts";
import { jobQueueBindings } from "../../src/transport/queues.ts";

export type Counts = {
  workerRequests: number;
  objectRequests: number;
  /** Messages that come in over WebSockets. */
  socketMessages: number;
  rowsWritten: number;
  rowsRead: number;
  queueOperations: number;
  /** Bytes stored, times the months they stay. */
  byteMonths: number;
  logBytes: number;
};

type Cursor = { rowsWritten: number; rowsRead: number };
type Meter = { counts: Counts; cursors: Cursor[] };

const nothing: Counts = {
  workerRequests: 0,
  objectRequests: 0,
  socketMessages: 0,
  rowsWritten: 0,
  rowsRead: 0,
  queueOperations: 0,
  byteMonths: 0,
  logBytes: 0,
};

const shared = globalThis as typeof globalThis & { costMeter?: Meter };
shared.costMeter ??= { counts: { ...nothing }, cursors: [] };
const meter = shared.costMeter;

/** A message is billed when it is written, read and deleted. */
const OPERATIONS_PER_MESSAGE = 3;

/** What Cloudflare adds to a line: time, level, the invocation's Worker, version and ids. An assumption, in bytes. */
const LOG_LINE_OVERHEAD = 600;

/** Adds to what was counted, for what no wrapper sees. */
export function bill(what: keyof Counts, count = 1): void {
  meter.counts[what] += count;
}

/** What was billed while `act` ran. */
export async function billed(act: () => Promise<void>): Promise<Counts> {
  const before = reading();
  await act();
  const after = reading();
  const names = Object.keys(nothing) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Counts;
}

function reading(): Counts {
  const sum = (name: keyof Cursor) => meter.cursors.reduce((total, cursor) => total + cursor[name], 0);
  const { rowsWritten, rowsRead, ...rest } = meter.counts;
  return { ...rest, rowsWritten: rowsWritten + sum("rowsWritten"), rowsRead: rowsRead + sum("rowsRead") };
}

/** Counts the log lines from here on, instead of printing them. */
export function meterLog(): void {
  const count = (record: object) => bill("logBytes", JSON.stringify(record).length + LOG_LINE_OVERHEAD);
  Object.assign(console, { log: count, warn: count, error: count });
}

/** Counts what an object's storage reads and writes; to be called before the object itself sees it. */
export function meterStorage(storage: DurableObjectStorage): void {
  const { kv, sql } = storage;
  const [setAlarm, deleteAll] = [storage.setAlarm.bind(storage), storage.deleteAll.bind(storage)];
  const meteredKv: typeof kv = {
    get: ((key: string) => {
      bill("rowsRead");
      return kv.get(key);
    }) as typeof kv.get,
    list: ((options: SyncKvListOptions) => {
      const rows = [...kv.list(options)];
      bill("rowsRead", Math.max(1, rows.length));
      return rows;
    }) as unknown as typeof kv.list,
    put(key, value) {
      bill("rowsWritten");
      kv.put(key, value);
    },
    delete(key) {
      bill("rowsWritten");
      return kv.delete(key);
    },
  };
  const exec = ((text: string, ...values: unknown[]) => {
    const cursor = sql.exec(text, ...values);
    meter.cursors.push(cursor);
    return cursor;
  }) as typeof sql.exec;
  Object.defineProperties(storage, {
    kv: { value: meteredKv },
    sql: {
      value: {
        exec,
        get databaseSize() {
          return sql.databaseSize;
        },
      },
    },
    setAlarm: {
      value: (at: number) => {
        bill("rowsWritten");
        return setAlarm(at);
      },
    },
    deleteAll: {
      value: () => {
        bill("rowsWritten", [...kv.list()].length);
        return deleteAll();
      },
    },
  });
}

/** The bindings, with every call to an object and every message counted. */
export function meteredEnv(env: Env): Env {
  const metered = (real: object) =>
    new Proxy(real, {
      get: (stub, method) => {
        const call = Reflect.get(stub, method) as (...values: unknown[]) => unknown;
        return (...values: unknown[]) => {
          bill("objectRequests");
          return Reflect.apply(call, stub, values);
        };
      },
    });
  const namespace = (real: DurableObjectNamespace) => ({
    getByName: (name: string) => metered(real.getByName(name)),
    get: (id: DurableObjectId) => metered(real.get(id)),
    idFromString: (id: string) => real.idFromString(id),
    idFromName: (name: string) => real.idFromName(name),
    newUniqueId: () => real.newUniqueId(),
  });
  const queue = (real: Queue) => ({
    send(message: unknown) {
      bill("queueOperations", OPERATIONS_PER_MESSAGE);
      return real.send(message);
    },
  });
  const { JOBS, UNIQUE_KEYS, QUEUES, JOB_INDEXES, INDEX_DIRECTORIES, DELIVERY_QUEUE } = env;
  const jobQueues = jobQueueBindings.map((binding) => [binding, queue(env[binding])]);
  const bindings = {
    JOBS: namespace(JOBS),
    UNIQUE_KEYS: namespace(UNIQUE_KEYS),
    QUEUES: namespace(QUEUES),
    JOB_INDEXES: namespace(JOB_INDEXES),
    INDEX_DIRECTORIES: namespace(INDEX_DIRECTORIES),
    ...Object.fromEntries(jobQueues),
    DELIVERY_QUEUE: queue(DELIVERY_QUEUE),
  };
  return { ...env, ...bindings } as unknown as Env;
}
