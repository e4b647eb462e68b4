/** A partition that has no room left: nothing new is stored, and all else goes on. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MINUTE, SECOND } from "../../../src/core/time.ts";
import { partitionObject, partitionOf } from "../../../src/rpc/job-index.ts";
import { tenantIndex } from "../../../src/rpc/tenant-index.ts";
import { captureLog } from "../../support/log.ts";
import { begin } from "../../support/moves.ts";
import { type Held, nothing, pass, policy, ringNext, stopClock, submitted } from "../../support/objects.ts";
import { entry, everything, finishedNow, type Listing, openListing, review } from "./index-fixtures.ts";

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** From here on what would add to the tables throws, as Cloudflare does above 10 GB; or not any more. */
async function setFull({ stub }: Pick<Listing, "stub">, isFull: boolean): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => {
    vi.restoreAllMocks();
    if (!isFull) return;
    const { exec } = storage.sql;
    const limited = function limited(this: SqlStorage, text: string, ...values: unknown[]) {
      if (/^\s*(INSERT|UPDATE)/.test(text)) throw new Error("database or disk is full: SQLITE_FULL");
      return exec.call(this, text, ...values);
    };
    vi.spyOn(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec").mockImplementation(
      limited as typeof exec,
    );
  });
}

test("full: reads → what was stored before", async () => {
  const listing = openListing();
  const known = finishedNow();
  await listing.publishDurably(known);
  await setFull(listing, true);
  expect(await listing.publishDurably(finishedNow())).toBe(false);
  await listing.publish(finishedNow());
  expect(await listing.ids()).toEqual([known.job.id]);
  expect(await listing.api().count(everything)).toBe(1);
  expect(await listing.api().stats(0, Date.now() + MINUTE, null)).toMatchObject([{ accepted: 1 }]);
});

test("full: a deletion → the job is listed no more", async () => {
  const listing = openListing();
  const known = finishedNow();
  await listing.publishDurably(known);
  await setFull(listing, true);
  await listing.api().markDeleted(listing.tenant, known);
  expect(await listing.ids()).toEqual([]);
});

test("full: overdue jobs → reconciled, and those that are gone are deleted", async () => {
  const listing = openListing();
  const gone = Array.from({ length: 60 }, () => entry({ createdAt: Date.now() }));
  await listing.publish(...gone);
  await listing.ids();
  await setFull(listing, true);
  pass(5 * MINUTE);
  expect(await review(listing, async () => null)).toHaveLength(60);
  expect(await listing.ids()).toEqual([]);
});

test("full: many updates → memory is bounded, trouble is logged once a minute, and later writes succeed", async () => {
  const listing = openListing();
  await listing.publishDurably(finishedNow());
  await setFull(listing, true);
  await runInDurableObject(listing.stub, async (object) => {
    const index = object as unknown as {
      publishDurably: (tenant: string, entry: unknown) => Promise<boolean>;
    };
    const records = captureLog();
    for (let n = 0; n < 5_100; n += 1) await index.publishDurably(listing.tenant, finishedNow());
    const troubles = records.filter(({ event }) => event === "index_write_failed");
    expect(troubles).toHaveLength(1);
  });
  await setFull(listing, false);
  expect(await listing.publishDurably(finishedNow())).toBe(true);
  expect(await listing.api().count(everything)).toBe(1 + 5_000 + 1);
});

test("full: a job's whole life → accepted, run, read, deleted and purged, and confirmed in vain only once an hour", async () => {
  const tenant = `parked-${crypto.randomUUID().slice(0, 8)}`;
  const first = await submitted({ tenant, policy: { ...policy, retentionMs: 10 * SECOND } });
  const { createdAt } = await indexEntry(first);
  const { name } = partitionOf({ id: first.id, createdAt, policy });
  const stub = env.JOB_INDEXES.getByName(`${tenant}/${name}`) as unknown as DurableObjectStub;
  await setFull({ stub }, true);
  const job = await submitted({ tenant });
  await job.api().finish(await begin(job.id, tenant), nothing, { type: "succeed", result: null });
  expect((await job.api().read())?.job.status).toBe("succeeded");
  await ringNext(job);
  expect(await ringNext(job)).toBe(60 * MINUTE);
  expect((await tenantIndex(env, tenant).page(everything, null, 10)).jobs.map(({ id }) => id)).toEqual([
    first.id,
  ]);
  expect(await job.api().delete()).toEqual({ kind: "deleted" });
  await first.api().cancel(null, null);
  for (let rings = 0; (await first.api().read()) !== null; rings += 1) {
    expect(rings).toBeLessThan(5);
    await ringNext(first);
  }
  expect(await runDurableObjectAlarm(stub)).toBe(true);
});

/** Publishes the job, and answers its entry. */
async function indexEntry(job: Held): Promise<{ createdAt: number }> {
  const reconciled = await job.api().reconcile();
  if (!reconciled) throw new Error("the job is gone");
  await partitionObject(env, job.tenant, reconciled.partition.name).publishDurably(job.tenant, reconciled);
  return reconciled;
}
