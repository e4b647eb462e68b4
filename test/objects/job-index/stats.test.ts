/** Sums per hour and type: every job once, however often it was told of. */

import { runInDurableObject } from "cloudflare:test";
import type { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { HOUR, MINUTE } from "../../../src/core/time.ts";
import { toHourStats } from "../../../src/rpc/job-stats.ts";
import { entry, openListing, T0 } from "./index-fixtures.ts";

const nothing = { accepted: 0, succeeded: 0, failed: 0, cancelled: 0, attempts: 0 };

test("jobs count as accepted in the hour they were made, and as ended in the hour they ended", async () => {
  const listing = openListing();
  const overdue = entry({
    createdAt: T0 + HOUR - 500,
    status: "succeeded",
    attempt: 2,
    queueTimeMs: 100,
    runTimeMs: 900,
  });
  await listing.publish(
    entry({ createdAt: T0 }),
    entry({ createdAt: T0 + 1, status: "failed", attempt: 3, queueTimeMs: 100, runTimeMs: 100 }),
    entry({ createdAt: T0 + 2, status: "cancelled" }),
    overdue,
  );
  const [first, second, ...rest] = (await listing.api().stats(T0, T0 + 2 * HOUR, null)).map(toHourStats);
  expect(first).toMatchObject({
    ...nothing,
    hour: T0,
    type: "test.simulate",
    accepted: 4,
    failed: 1,
    cancelled: 1,
    attempts: 3,
  });
  expect(second).toMatchObject({ ...nothing, hour: T0 + HOUR, succeeded: 1, attempts: 2 });
  expect(second?.runTimeMs.p50).toBeGreaterThan(890);
  expect(second?.runTimeMs.p95).toBeLessThan(910);
  expect(rest).toEqual([]);
});

test("a job told of many times, in any order, counts once", async () => {
  const listing = openListing();
  const id = "job_01once00000000000000000000";
  const words = [
    entry({ id, version: 1 }),
    entry({ id, version: 2, status: "running", attempt: 1 }),
    entry({ id, version: 3, status: "succeeded", attempt: 1 }),
  ];
  for (const word of [...words, ...words.toReversed(), ...words]) await listing.publishDurably(word);
  expect(await listing.api().stats(T0, T0 + HOUR, null)).toMatchObject([
    { ...nothing, accepted: 1, succeeded: 1, attempts: 1 },
  ]);
});

test("a cancellation acknowledged later is not another one", async () => {
  const listing = openListing();
  const id = "job_01ack000000000000000000000";
  for (const version of [1, 2]) await listing.publishDurably(entry({ id, version, status: "cancelled" }));
  expect(await listing.api().stats(T0, T0 + HOUR, null)).toMatchObject([{ accepted: 1, cancelled: 1 }]);
  expect(await listing.job(id)).toMatchObject({ version: 2 });
});

test("sums are kept apart by type, asked for by type and time, and outlive the jobs", async () => {
  const listing = openListing();
  const gone = entry({ type: "csv.import", createdAt: T0 + HOUR, status: "succeeded" });
  await listing.publish(entry({ createdAt: T0 }), gone);
  await listing.api().markDeleted(listing.tenant, gone);
  const totals = (from: number, to: number, type: string | null) =>
    listing
      .api()
      .stats(from, to, type)
      .then((rows) => rows.map(({ hour, type }) => [hour - T0, type]));
  expect(await totals(T0, T0 + 9 * HOUR, null)).toEqual([
    [0, "test.simulate"],
    [HOUR, "csv.import"],
  ]);
  expect(await totals(T0, T0 + 9 * HOUR, "csv.import")).toEqual([[HOUR, "csv.import"]]);
  expect(await totals(T0 + 59 * MINUTE, T0 + HOUR, null)).toEqual([[0, "test.simulate"]]);
  expect(await totals(T0 + HOUR, T0 + HOUR + 1, null)).toEqual([[HOUR, "csv.import"]]);
});

test("many jobs at once cost one row of sums", async () => {
  const listing = openListing();
  await listing.publishDurably(entry({ createdAt: T0 }));
  const rows = () =>
    runInDurableObject(listing.stub, (_, { storage }) =>
      Number(storage.sql.exec("SELECT total_changes() AS n").one().n),
    );
  const before = await rows();
  await listing.publish(...Array.from({ length: 50 }, () => entry({ createdAt: T0, status: "succeeded" })));
  await listing.ids();
  const [others, sums, alarm] = [50, 1, 1];
  expect((await rows()) - before).toBeLessThanOrEqual(others + sums + alarm);
});

test("where there is Analytics Engine, every ended job is a point of it, once", async () => {
  const listing = openListing();
  const points: unknown[] = [];
  const METRICS = { writeDataPoint: (point: unknown) => points.push(point) };
  await runInDurableObject(listing.stub, (object) => {
    const held = object as unknown as { env: typeof env };
    held.env = { ...held.env, METRICS } as unknown as typeof env;
  });
  const done = entry({ status: "failed", attempt: 2, queueTimeMs: 5, runTimeMs: 70 });
  await listing.publishDurably(done);
  await listing.publishDurably(done);
  await listing.publishDurably(entry());
  expect(points).toEqual([
    { indexes: [listing.tenant], blobs: ["test.simulate", "failed"], doubles: [2, 5, 70] },
  ]);
  vi.restoreAllMocks();
});
