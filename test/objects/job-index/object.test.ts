/** The job index of a tenant: what it lists, in what order, and what late or repeated updates do. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import { DAY } from "../../../src/core/time.ts";
import type { JobFilter } from "../../../src/rpc/index-entry.ts";
import { entry, everything, openListing, T0 } from "./index-fixtures.ts";

afterEach(() => void vi.useRealTimers());

describe("updates", () => {
  test("several → listed at once, newest first", async () => {
    const listing = openListing();
    const jobs = [0, 1, 2].map((n) => entry({ createdAt: T0 + n }));
    await listing.publish(...jobs);
    expect(await listing.ids()).toEqual(jobs.map(({ job }) => job.id).reverse());
  });

  test("any order → never overwrite newer ones", async () => {
    const listing = openListing();
    const id = "job_01later000000000000000000";
    for (const version of [3, 1, 2]) {
      const status = version === 3 ? "succeeded" : "running";
      await listing.publishDurably(entry({ id, version, status }));
    }
    expect(await listing.job(id)).toMatchObject({ status: "succeeded", version: 3 });
    expect(await listing.ids()).toEqual([id]);
  });

  test("of one job, received together → the last stays", async () => {
    const listing = openListing();
    const id = "job_01together00000000000000000";
    await listing.publish(
      entry({ id, version: 2, status: "running" }),
      entry({ id, version: 1 }),
      entry({ id, version: 3, status: "failed" }),
    );
    expect(await listing.job(id)).toMatchObject({ status: "failed", version: 3 });
  });

  test("same id submitted again → another job", async () => {
    const listing = openListing();
    const id = "job_01again0000000000000000000";
    const first = entry({ id, version: 9, status: "succeeded" });
    await listing.publishDurably(first);
    await listing.api().markDeleted(listing.tenant, first);
    expect(await listing.ids()).toEqual([]);
    await listing.publishDurably(entry({ id, version: 1, createdAt: T0 + DAY }));
    expect(await listing.job(id)).toMatchObject({ status: "queued", version: 1 });
  });

  test("deletion before the first update → late updates are not listed", async () => {
    const listing = openListing();
    const first = entry({ status: "failed" });
    await listing.api().markDeleted(listing.tenant, first);
    await listing.publishDurably(first);
    expect(await listing.ids()).toEqual([]);
  });

  test("progress → listed at once, one row written every thirty seconds", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const listing = openListing();
    const id = "job_01progress0000000000000000";
    const running = (version: number) => entry({ id, status: "running", version, attempt: 1 });
    await listing.publishDurably(running(2));
    const rows = () =>
      runInDurableObject(
        listing.stub,
        (_, { storage }) => storage.sql.exec("SELECT total_changes() AS n").one().n,
      );
    const before = Number(await rows());
    for (let version = 3; version <= 32; version += 1) {
      vi.setSystemTime(Date.now() + 3_000);
      await listing.publish(running(version));
      expect(await listing.job(id)).toMatchObject({ version });
    }
    // The alarm is set again, because the stopped clock has passed it.
    expect(Number(await rows()) - before).toBe(3 + 1);
    await evictDurableObject(listing.stub);
    expect(await listing.job(id)).toMatchObject({ version: 23 });
    await listing.publishDurably(running(32));
    await evictDurableObject(listing.stub);
    expect(await listing.job(id)).toMatchObject({ version: 32 });
    await listing.publishDurably(entry({ id, status: "succeeded", version: 33, attempt: 1 }));
    expect(await listing.job(id)).toMatchObject({ status: "succeeded", version: 33 });
  });

  test("no update yet → nothing stored", async () => {
    const listing = openListing();
    expect(await listing.ids()).toEqual([]);
    expect(await listing.api().count(everything)).toBe(0);
    expect(await listing.api().stats(0, T0, null)).toEqual([]);
    const tables = await runInDurableObject(listing.stub, (_, { storage }) => [
      ...storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'"),
    ]);
    expect(tables).toEqual([]);
  });
});

describe("filters", () => {
  const statuses = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
  const types = ["csv.import", "test.simulate", "report.export"];

  async function many() {
    const listing = openListing();
    const all = Array.from({ length: 120 }, (_, n) =>
      entry({
        createdAt: T0 + Math.floor(n / 3) * 1_000,
        type: types[n % 3] ?? "",
        status: statuses[n % 5] ?? "queued",
        ...{ metadata: { team: `t${n % 4}`, n: String(n) } },
      }),
    );
    await listing.publish(...all);
    return { listing, all };
  }

  const cases: [string, Partial<JobFilter>][] = [
    ["none", {}],
    ["a status", { statuses: ["failed"] }],
    ["two statuses", { statuses: ["queued", "succeeded"] }],
    ["a type", { types: ["csv.import"] }],
    ["types and statuses", { types: ["csv.import", "test.simulate"], statuses: ["running", "cancelled"] }],
    ["all but a type", { exceptTypes: ["test.simulate"] }],
    ["made later", { createdAfter: T0 + 20_000 }],
    ["made between", { createdAfter: T0 + 5_000, createdBefore: T0 + 9_000 }],
    ["metadata", { metadata: { team: "t1" } }],
    ["two pairs of metadata", { metadata: { team: "t3", n: "7" } }],
    ["metadata that nothing has", { metadata: { team: "t9" } }],
    [
      "metadata, type and status",
      { metadata: { team: "t2" }, types: ["report.export"], statuses: ["failed"] },
    ],
    [
      "everything at once",
      { createdAfter: T0, metadata: { team: "t0" }, types: ["test.simulate"], statuses: ["running"] },
    ],
  ];

  test.each(cases)("%s → exactly those, newest first, in pages of any size", async (_, filter) => {
    const { listing, all } = await many();
    const asked = { ...everything, ...filter };
    const chosen = all
      .filter(({ job, createdAt }) => {
        return (
          (asked.statuses.length === 0 || asked.statuses.includes(job.status)) &&
          (asked.types.length === 0 || asked.types.includes(job.type)) &&
          !asked.exceptTypes?.includes(job.type) &&
          (asked.createdAfter === null || createdAt >= asked.createdAfter) &&
          (asked.createdBefore === null || createdAt < asked.createdBefore) &&
          Object.entries(asked.metadata).every(([name, value]) => job.metadata[name] === value)
        );
      })
      .sort((one, other) => other.createdAt - one.createdAt || (other.job.id > one.job.id ? 1 : -1))
      .map(({ job }) => job.id);
    for (const limit of [1, 7, 100]) expect(await listing.ids(filter, limit)).toEqual(chosen);
    expect(await listing.api().count(asked)).toBe(chosen.length);
  });

  test("metadata pairs that read alike → not mistaken", async () => {
    const listing = openListing();
    const one = entry({ metadata: { "a=b": "c" } });
    await listing.publish(one, entry({ metadata: { a: "b=c" } }), entry({ metadata: { a: 'b","c' } }));
    expect(await listing.ids({ metadata: { "a=b": "c" } })).toEqual([one.job.id]);
  });

  test("jobs added between pages → none missing, none repeated", async () => {
    const { listing, all } = await many();
    const seen: string[] = [];
    let after = null;
    do {
      const page = await listing.api().page(everything, after, 10);
      seen.push(...page.jobs.map(({ id }) => id));
      after = page.next;
      await listing.publish(entry({ createdAt: T0 + DAY }));
    } while (after);
    expect(seen.sort()).toEqual(all.map(({ job }) => job.id).sort());
  });

  test("expired, not yet purged → not listed", async () => {
    const listing = openListing();
    await listing.publish(entry({ status: "succeeded", createdAt: Date.now(), purgeAt: Date.now() - 1 }));
    expect(await listing.ids()).toEqual([]);
  });
});
