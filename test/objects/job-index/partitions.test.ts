/** The partitions of a job index: which job is in which, how they are read as one, and how they end. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { IndexLayout } from "../../../src/core/job.ts";
import { DAY, HOUR, MINUTE } from "../../../src/core/time.ts";
import { indexDirectory } from "../../../src/rpc/index-directory.ts";
import type { IndexEntry, JobFilter, JobPosition } from "../../../src/rpc/index-entry.ts";
import { partitionObject, partitionOf } from "../../../src/rpc/job-index.ts";
import { tenantIndex } from "../../../src/rpc/tenant-index.ts";
import { absentJobId } from "../../support/job-namespace.ts";
import { policy, stopClock } from "../../support/objects.ts";
import { entry, everything } from "./index-fixtures.ts";

beforeEach(stopClock);
afterEach(() => void vi.useRealTimers());

const layouts: IndexLayout[] = [
  { period: "month", shards: 1 },
  { period: "month", shards: 3 },
  { period: "day", shards: 1 },
  { period: "hour", shards: 2 },
];

function layoutOf(nth: number): IndexLayout {
  return layouts[nth] ?? { period: "month", shards: 1 };
}

/** An entry in the partition that this layout gives it. */
function entryIn(index: IndexLayout, createdAt: number, wish: Parameters<typeof entry>[0] = {}): IndexEntry {
  const id = absentJobId();
  const made = entry({ ...wish, id, createdAt });
  const created_at = new Date(createdAt).toISOString();
  const partition = partitionOf({ id, createdAt, policy: { ...policy, index } });
  return { ...made, job: { ...made.job, created_at }, partition };
}

const newTenant = () => `listed-${crypto.randomUUID().slice(0, 8)}`;

async function publish(tenant: string, entries: readonly IndexEntry[]): Promise<void> {
  for (const one of entries)
    await partitionObject(env, tenant, one.partition.name).publishDurably(tenant, one);
}

/** All ids in the order of the pages. */
async function listAll(tenant: string, limit: number, filter: Partial<JobFilter> = {}): Promise<string[]> {
  const ids: string[] = [];
  let after: JobPosition | null = null;
  do {
    const page = await tenantIndex(env, tenant).page({ ...everything, ...filter }, after, limit);
    ids.push(...page.jobs.map(({ id }) => id));
    after = page.next;
  } while (after);
  return ids;
}

const newestFirst = (one: IndexEntry, other: IndexEntry) =>
  other.createdAt - one.createdAt || (one.job.id < other.job.id ? 1 : -1);

describe("a job's partition", () => {
  test("any time, any layout → a period that has the time, and periods that tile", () => {
    const times = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });
    fc.assert(
      fc.property(times, fc.constantFrom(...layouts), (createdAt, index) => {
        const of = (at: number) => partitionOf({ id: "job_x", createdAt: at, policy: { ...policy, index } });
        const { name, from, until } = of(createdAt);
        expect(from <= createdAt && createdAt < until).toBe(true);
        expect([of(from).name, of(until - 1).name]).toEqual([name, name]);
        expect(of(until).from).toBe(until);
        expect(of(until).name).not.toBe(name);
      }),
    );
  });
});

describe("the index of a tenant", () => {
  test("jobs over many partitions, and the layout changed → one list, each job once, newest first", async () => {
    const tenant = newTenant();
    const start = Date.UTC(2026, 10, 30, 21);
    const entries = Array.from({ length: 60 }, (_, n) =>
      entryIn(layoutOf(Math.floor(n / 15)), start + n * 7 * MINUTE),
    );
    await publish(tenant, entries);
    const wanted = entries.toSorted(newestFirst).map(({ job }) => job.id);
    for (const limit of [1, 7, 20, 100]) expect(await listAll(tenant, limit)).toEqual(wanted);
    expect(await tenantIndex(env, tenant).count(everything)).toBe(60);
  });

  test("a filter of time → as many as lie in it; two windows that meet miss none", async () => {
    const tenant = newTenant();
    const start = Date.UTC(2026, 10, 30, 22);
    const entries = Array.from({ length: 24 }, (_, n) => entryIn(layoutOf(3), start + n * 10 * MINUTE));
    await publish(tenant, entries);
    const middle = start + 2 * HOUR;
    const before = await listAll(tenant, 5, { createdBefore: middle });
    const after = await listAll(tenant, 5, { createdAfter: middle });
    expect([before.length, after.length]).toEqual([12, 12]);
    expect(new Set([...before, ...after]).size).toBe(24);
  });

  test("more empty periods than a page reads → the pages go on to the last job", async () => {
    const tenant = newTenant();
    const hourly = { period: "hour", shards: 1 } as const;
    const start = Date.UTC(2026, 10, 1);
    const rare = entryIn(hourly, start, { type: "csv.import" });
    const others = Array.from({ length: 60 }, (_, n) => entryIn(hourly, start + (n + 1) * HOUR));
    await publish(tenant, [rare, ...others]);
    const first = await tenantIndex(env, tenant).page({ ...everything, types: ["csv.import"] }, null, 10);
    expect(first.jobs).toEqual([]);
    expect(first.next).not.toBeNull();
    expect(await listAll(tenant, 10, { types: ["csv.import"] })).toEqual([rare.job.id]);
  });

  test("statistics of many partitions → one row for an hour and type", async () => {
    const tenant = newTenant();
    const at = Date.UTC(2026, 10, 20, 10);
    const finished = { status: "succeeded", attempt: 1, runTimeMs: 100 } as const;
    const entries = Array.from({ length: 12 }, (_, n) => entryIn(layoutOf(1), at + n, finished));
    await publish(tenant, entries);
    expect(new Set(entries.map(({ partition }) => partition.name)).size).toBe(3);
    const rows = await tenantIndex(env, tenant).stats(at, at + HOUR, null);
    expect(rows).toMatchObject([{ hour: at, accepted: 12, succeeded: 12, attempts: 12 }]);
    expect(rows[0]?.runTimeMs.p50).toBeGreaterThan(90);
  });
});

describe("a partition whose jobs are all purged", () => {
  async function retired(wish: Parameters<typeof entry>[0]) {
    const tenant = newTenant();
    const createdAt = Date.now();
    const one = entryIn(layoutOf(2), createdAt, { purgeAt: createdAt + 7 * DAY, ...wish });
    await publish(tenant, [one]);
    const stub = env.JOB_INDEXES.getByName(`${tenant}/${one.partition.name}`) as unknown as DurableObjectStub;
    vi.setSystemTime(createdAt + 10 * DAY);
    await runDurableObjectAlarm(stub);
    const left = await runInDurableObject(stub, async (_, { storage }) => [
      [...storage.kv.list()].length,
      await storage.getAlarm(),
    ]);
    const named = await indexDirectory(env, tenant).partitions();
    return { tenant, createdAt, left, named };
  }

  test("a day after → deletes itself, and its counts stay", async () => {
    const { tenant, createdAt, left, named } = await retired({ status: "succeeded" });
    expect([left, named]).toEqual([[0, null], []]);
    const hour = createdAt - (createdAt % HOUR);
    const counts = await tenantIndex(env, tenant).stats(hour, createdAt + HOUR, null);
    expect(counts).toMatchObject([{ hour, accepted: 1, succeeded: 1 }]);
    expect(await listAll(tenant, 10)).toEqual([]);
  });

  test("a job is unfinished and does not answer → stays", async () => {
    const { left, named } = await retired({ status: "running", dueAt: Date.now() + 60 * DAY });
    expect(left[0]).toBeGreaterThan(0);
    expect(left[1]).toBeGreaterThan(Date.now());
    expect(named).toHaveLength(1);
  });
});
