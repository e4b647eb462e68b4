/** What a job index must never do: lose jobs, keep deleted ones, read more rows as it grows. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DAY, MINUTE } from "../../../src/core/time.ts";
import type { JobFilter } from "../../../src/rpc/index-entry.ts";
import type { JobObjectCalls } from "../../../src/rpc/job.ts";
import {
  alarmOf,
  hold,
  nothing,
  pass,
  policy,
  ringNext,
  stopClock,
  submission,
  submitted,
} from "../../support/objects.ts";
import { entry, everything, finishedNow, type Listing, openListing, review, T0 } from "./index-fixtures.ts";

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const rowsOf = ({ stub }: Listing) =>
  runInDurableObject(stub, (_, { storage }) =>
    Number(storage.sql.exec("SELECT COUNT(*) AS n FROM entries").one().n),
  );

/** Rows that the runtime reads for what `ask` asks of the listing. */
function rowsRead(listing: Listing, ask: (api: ReturnType<Listing["api"]>) => Promise<unknown>) {
  return runInDurableObject(listing.stub, async (object, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql);
    const cursors: { rowsRead: number }[] = [];
    vi.spyOn(storage.sql, "exec").mockImplementation(((text: string, ...values: unknown[]) => {
      const cursor = exec(text, ...values);
      cursors.push(cursor);
      return cursor;
    }) as never);
    await ask(object as unknown as ReturnType<Listing["api"]>);
    vi.restoreAllMocks();
    return cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0);
  });
}

describe("deletion", () => {
  test("job submitted again meanwhile under the same key → new job is kept", async () => {
    const asked = submission({ fingerprint: "one", tenant: `parked-${crypto.randomUUID().slice(0, 8)}` });
    const job = await submitted(asked);
    let again = "";
    await job.api().start(1, 0, "lease");
    await job.api().finish("lease", nothing, { type: "succeed", result: null });
    await runInDurableObject(job.stub, async (object) => {
      const held = object as unknown as { env: typeof env } & JobObjectCalls;
      const before = held.env.JOB_INDEXES;
      const arrivals = [Promise.resolve(), Promise.withResolvers<void>()] as const;
      const hides = [arrivals[0], arrivals[1].promise];
      const listing = before.getByName(asked.tenant) as unknown as Record<string, unknown>;
      vi.spyOn(held.env, "JOB_INDEXES", "get").mockReturnValue({
        getByName: () => ({
          markDeleted: () => hides.shift(),
          publish: listing.publish,
          publishDurably: async () => undefined,
        }),
      } as never);
      const [first, second] = [held.delete(job), held.delete(job)];
      expect(await first).toEqual({ kind: "deleted" });
      pass(1);
      const answer = await held.submit(asked, "use_existing");
      again = answer.kind === "accepted" ? answer.job.id : "";
      arrivals[1].resolve();
      await second;
    });
    vi.restoreAllMocks();
    expect(again).not.toBe(job.id);
    expect(await job.api().read()).toBeNull();
    expect(await hold(again, asked.tenant).api().read()).toMatchObject({ job: { status: "queued" } });
  });

  test("newest jobs deleted → no empty pages before the others", async () => {
    const listing = openListing();
    const older = finishedNow();
    await listing.publishDurably(older);
    pass(1);
    for (let n = 0; n < 30; n += 1)
      await listing.api().markDeleted(listing.tenant, finishedNow({ metadata: { a: "b" } }));
    const rows = await rowsRead(listing, (api) => api.page(everything, null, 1));
    expect(rows).toBeLessThan(20);
    expect(await listing.api().count({ ...everything, metadata: { a: "b" } })).toBe(0);
    pass(2 * MINUTE);
    expect(await review(listing, async () => null)).toHaveLength(30);
    expect(await rowsOf(listing)).toBe(1);
  });
});

test("purge: job finished before an index existed → its own alarm purges it", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  await job.api().finish("lease", nothing, { type: "succeed", result: null });
  const purgeAt = Date.now() + policy.retentionMs;
  await runInDurableObject(job.stub, (_, { storage }) => storage.setAlarm(purgeAt));
  await evictDurableObject(job.stub);
  await job.api().read();
  expect(await alarmOf(job)).toBe(purgeAt);
  await ringNext(job);
  expect(await job.api().read()).toBeNull();
});

test("publish: two jobs under one id at once → both kept, counted as two", async () => {
  const listing = openListing();
  await listing.publishDurably(entry());
  const id = "job_01two0000000000000000000000";
  const [first, second] = [
    entry({ id, version: 9, status: "failed", createdAt: T0 }),
    entry({ id, version: 1, createdAt: T0 + DAY }),
  ];
  await listing.publish(second, first);
  expect(await listing.ids()).toContain(id);
  expect((await listing.ids({ statuses: ["queued"] })).includes(id)).toBe(true);
  const sums = await listing.api().stats(T0, T0 + 2 * DAY, null);
  expect(sums.map(({ accepted }) => accepted)).toEqual([2, 1]);
});

test("due time: only later → no row written; after an eviction → job is reconciled", async () => {
  const listing = openListing();
  const waiting = entry({ createdAt: Date.now() });
  await listing.publishDurably(waiting);
  const later = { ...waiting, dueAt: Date.now() + DAY };
  const changes = () =>
    runInDurableObject(listing.stub, (_, { storage }) =>
      Number(storage.sql.exec("SELECT total_changes() AS n").one().n),
    );
  const before = await changes();
  await listing.publishDurably(later);
  expect(await changes()).toBe(before);
  pass(10 * MINUTE);
  expect(await review(listing, async () => later)).toEqual([]);
  await evictDurableObject(listing.stub);
  expect(await review(listing, async () => later)).toEqual([waiting.job.id]);
});

describe("page", () => {
  test.each<[string, Partial<JobFilter>]>([
    ["no filter", {}],
    ["a rare status", { statuses: ["failed"] }],
    ["metadata", { metadata: { even: "1" } }],
  ])("%s, twice as many jobs → reads as many rows", async (_, filter) => {
    const read = [];
    for (const jobs of [300, 600]) {
      const listing = openListing();
      const all = Array.from({ length: jobs }, (_, n) => {
        const status = n % 10 === 0 ? "failed" : "succeeded";
        return entry({ createdAt: T0 + n, status, metadata: { even: String(n % 2) } });
      });
      await listing.publish(...all);
      await listing.ids({ statuses: ["queued"] });
      const rows = await rowsRead(listing, async (api) => {
        const page = await api.page({ ...everything, ...filter }, null, 20);
        expect(page.jobs).toHaveLength(20);
      });
      read.push(rows);
    }
    expect(read[1]).toBe(read[0]);
    expect(read[0]).toBeLessThan(120);
  });

  test("far down → reads no more than the first", async () => {
    const listing = openListing();
    const all = Array.from({ length: 600 }, (_, n) => entry({ createdAt: T0 + n, metadata: { a: "b" } }));
    await listing.publish(...all);
    await listing.ids({ types: ["none"] });
    const after = { createdAt: T0 + 100, id: "job_1" };
    for (const metadata of [{}, { a: "b" }]) {
      const first = await rowsRead(listing, (api) => api.page({ ...everything, metadata }, null, 20));
      const far = await rowsRead(listing, (api) => api.page({ ...everything, metadata }, after, 20));
      expect(far).toBeLessThanOrEqual(first + 1);
    }
  });

  test("several metadata pairs in any order → the rarest is scanned", async () => {
    const listing = openListing();
    const all = Array.from({ length: 1_500 }, (_, n) => ({ all: "1", some: String(n % 750) }));
    await listing.publish(...all.map((metadata, n) => entry({ createdAt: T0 + n, metadata })));
    for (const metadata of [
      { all: "1", some: "7" },
      { some: "7", all: "1" },
    ]) {
      const page = await listing.api().page({ ...everything, metadata }, null, 20);
      expect([page.jobs.length, page.next]).toEqual([2, null]);
      expect(await listing.api().count({ ...everything, metadata })).toBe(2);
    }
  });

  test("types repeated, or very many → each job once", async () => {
    const listing = openListing();
    await listing.publish(...Array.from({ length: 5 }, (_, n) => entry({ createdAt: T0 + n })));
    const types = ["test.simulate", "test.simulate", ...Array.from({ length: 2_000 }, (_, n) => `none-${n}`)];
    expect(await listing.ids({ types }, 2)).toHaveLength(5);
    expect(await listing.api().count({ ...everything, types })).toBe(5);
    const rows = await rowsRead(listing, (api) => api.page({ ...everything, types }, null, 2));
    expect(rows).toBeLessThan(50);
  });
});

test("statements: after every call → none is left half read, because an open one slows the others", async () => {
  const listing = openListing();
  const all = Array.from({ length: 60 }, (_, n) =>
    entry({ createdAt: T0 + n, metadata: { a: "b", n: String(n % 2) } }),
  );
  await listing.publish(...all);
  await listing.ids();
  await runInDurableObject(listing.stub, async (object, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql);
    const cursors: { next(): { done?: boolean } }[] = [];
    vi.spyOn(storage.sql, "exec").mockImplementation(((text: string, ...values: unknown[]) => {
      const cursor = exec(text, ...values);
      cursors.push(cursor);
      return cursor;
    }) as never);
    const api = object as unknown as ReturnType<typeof listing.api>;
    for (const metadata of [{}, { a: "b" }, { a: "b", n: "1" }]) {
      await api.page({ ...everything, metadata }, null, 5);
      await api.count({ ...everything, metadata });
    }
    await api.publishDurably(
      listing.tenant,
      entry({ id: all[0]?.job.id ?? "", createdAt: T0, status: "failed", version: 2 }),
    );
    await api.stats(T0, T0 + DAY, null);
    expect(cursors.length).toBeGreaterThan(50);
    expect(cursors.filter((cursor) => !cursor.next().done)).toEqual([]);
  });
});

test("count: any filter, any number of metadata pairs → leaves out expired jobs", async () => {
  const listing = openListing();
  const now = Date.now();
  const metadata = { team: "a", stage: "b" };
  await listing.publish(
    ...[1, 2, 3].map(() => finishedNow({ metadata })),
    finishedNow({ metadata, purgeAt: now }),
    finishedNow({ metadata: { team: "a" } }),
  );
  const count = (filter: Partial<typeof everything>) => listing.api().count({ ...everything, ...filter });
  expect(await count({})).toBe(4);
  expect(await count({ metadata: { team: "a" } })).toBe(4);
  expect(await count({ metadata })).toBe(3);
  expect(await count({ metadata, createdBefore: now })).toBe(0);
  expect(await count({ metadata, createdAfter: now - 1, statuses: ["succeeded", "failed"] })).toBe(3);
  expect(await count({ metadata, exceptTypes: ["test.simulate"] })).toBe(0);
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`k${n}`, "v"]));
  expect(await count({ metadata: many })).toBe(0);
  expect(await listing.ids({ metadata: many })).toEqual([]);
});
