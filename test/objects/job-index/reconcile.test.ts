/** What the listing makes of silence: words that were lost, alarms that were lost, jobs that are gone. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DAY, MINUTE } from "../../../src/core/time.ts";
import type { IndexEntry } from "../../../src/rpc/index-entry.ts";
import type { JobObjectCalls } from "../../../src/rpc/job.ts";
import { jobsWith } from "../../support/job-namespace.ts";
import {
  alarmOf,
  type Held,
  nothing,
  pass,
  policy,
  read,
  ringNext,
  stopClock,
  submitted,
} from "../../support/objects.ts";
import { entry, openListing } from "./index-fixtures.ts";

beforeEach(stopClock);
afterEach(() => void vi.useRealTimers());

/** A tenant of its own whose messages are not consumed, and its job index. */
function openTenant() {
  const tenant = `parked-${crypto.randomUUID().slice(0, 8)}`;
  const listing = openListing(tenant);
  return {
    tenant,
    listing,
    submit: (changes: Parameters<typeof submitted>[0] = {}) => submitted({ tenant, ...changes }),
    /** What is listed of the job. */
    listed: ({ id }: Held) => listing.job(id),
    /** Lets the listing look after everything, as its alarm does. */
    review: () => runDurableObjectAlarm(listing.stub),
  };
}

async function loseAlarm({ stub }: Held): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm());
  await evictDurableObject(stub);
}

async function finish(job: Held): Promise<void> {
  await job.api().start(1, 0, "lease");
  await job.api().finish("lease", nothing, { type: "succeed", result: null });
}

/** What the job says of itself now. */
async function lastWord({ stub, id, tenant }: Held): Promise<IndexEntry> {
  const word = await runInDurableObject(stub, (object) =>
    (object as unknown as JobObjectCalls).reconcile({ tenant, id }),
  );
  if (!word) throw new Error("The job is gone.");
  return word;
}

describe("announcements", () => {
  test("end → listed at once; start → listed when the Worker publishes it", async () => {
    const { submit, listed } = openTenant();
    const job = await submit();
    expect(await listed(job)).toBeUndefined();
    await job.api().publish();
    expect(await listed(job)).toMatchObject({ status: "queued", version: 1 });
    await finish(job);
    await vi.waitFor(async () =>
      expect(await listed(job)).toMatchObject({ status: "succeeded", version: 3 }),
    );
  });

  test("that all were lost are made up for by the job's next alarm", async () => {
    const { submit, listed, listing } = openTenant();
    const job = await submit();
    await listing.publish(entry());
    await finish(job);
    await vi.waitFor(async () => expect(await listed(job)).toBeDefined());
    const { createdAt } = await runInDurableObject(job.stub, async (object) => {
      return (await (object as unknown as JobObjectCalls).reconcile(job)) ?? { createdAt: 0 };
    });
    await runInDurableObject(listing.stub, (_, { storage }) =>
      storage.sql.exec("DELETE FROM entries WHERE created_at = ?", createdAt),
    );
    expect(await listed(job)).toBeUndefined();
    await ringNext(job);
    expect(await listed(job)).toMatchObject({ status: "succeeded" });
    expect(await alarmOf(job)).toBe(Date.parse(String((await read(job)).purge_at)));
  });

  test("that the listing had not yet written when it was evicted, likewise", async () => {
    const { submit, listed, listing } = openTenant();
    await listing.publish(entry());
    const job = await submit();
    await finish(job);
    await evictDurableObject(listing.stub);
    await ringNext(job);
    expect(await listed(job)).toMatchObject({ status: "succeeded" });
  });

  test("that cannot be made are tried again by an alarm", async () => {
    const { submit, listed } = openTenant();
    const job = await submit();
    const away = () => Promise.reject(new Error("the listing is away"));
    const JOB_INDEXES = { getByName: () => ({ publish: away, publishDurably: away }) };
    await runInDurableObject(job.stub, (object) => {
      const held = object as unknown as { env: typeof env };
      vi.spyOn(held.env, "JOB_INDEXES", "get").mockReturnValue(JOB_INDEXES as never);
    });
    await runInDurableObject(job.stub, async (object) => {
      const held = object as unknown as JobObjectCalls;
      await expect(held.publish(job)).rejects.toThrow("the listing is away");
    });
    await finish(job);
    await ringNext(job);
    expect(await alarmOf(job)).not.toBeNull();
    vi.restoreAllMocks();
    expect(await listed(job)).toBeUndefined();
    await ringNext(job);
    expect(await listed(job)).toMatchObject({ status: "succeeded" });
  });
});

describe("reconciling", () => {
  test("a job whose alarm was lost is brought up to date", async () => {
    const { submit, listed, review } = openTenant();
    const job = await submit({ policy: { ...policy, maxAttempts: 1 } });
    await job.api().start(1, 0, "lease");
    await job.api().publish();
    await loseAlarm(job);
    pass(3 * MINUTE);
    expect(await listed(job)).toMatchObject({ status: "running" });
    await review();
    expect(await listed(job)).toMatchObject({ status: "failed" });
    expect(await read(job)).toMatchObject({ status: "failed", attempts: [{ status: "lost" }] });
  });

  test("a job that waits as it should is left alone", async () => {
    const { submit, review } = openTenant();
    const job = await submit({ runAt: Date.now() + DAY });
    await job.api().publish();
    await loseAlarm(job);
    pass(10 * MINUTE);
    await review();
    expect(await alarmOf(job)).toBeNull();
    pass(DAY);
    await review();
    expect(await alarmOf(job)).not.toBeNull();
    expect(await read(job)).toMatchObject({ status_reason: "waiting_for_worker" });
  });

  test("a finished job is purged when its time is over, and listed no more", async () => {
    const { submit, listed } = openTenant();
    const job = await submit();
    await finish(job);
    await ringNext(job);
    expect(await listed(job)).toBeDefined();
    pass(policy.retentionMs);
    expect(await listed(job)).toBeUndefined();
    await ringNext(job);
    expect(await job.api().read()).toBeNull();
    expect(await listed(job)).toBeUndefined();
  });

  test("a job that does not exist any more disappears", async () => {
    const { listing, review } = openTenant();
    const ghost = entry({ createdAt: Date.now() });
    await listing.publish(ghost);
    pass(3 * MINUTE);
    expect(await listing.ids()).toEqual([ghost.job.id]);
    await review();
    expect(await listing.ids()).toEqual([]);
  });

  test("a job hidden for a deletion that never came is listed again", async () => {
    const { tenant, submit, listed, listing, review } = openTenant();
    const job = await submit();
    await finish(job);
    const last = await lastWord(job);
    await listing.api().markDeleted(tenant, last);
    expect(await listed(job)).toBeUndefined();
    pass(MINUTE);
    await review();
    expect(await listed(job)).toMatchObject({ status: "succeeded" });
  });

  test("a job that is being deleted is not brought back by words that come late", async () => {
    const { submit, listed, listing, review } = openTenant();
    const job = await submit();
    await finish(job);
    const last = await lastWord(job);
    await job.api().delete();
    await listing.publish(last);
    await listing.publishDurably(last);
    expect(await listed(job)).toBeUndefined();
    pass(MINUTE);
    await review();
    expect(await listed(job)).toBeUndefined();
  });

  test("alarm lost again → job is reconciled again", async () => {
    const { submit, listing, review } = openTenant();
    const job = await submit();
    await job.api().publish();
    await listing.publishDurably(entry({ createdAt: Date.now(), status: "succeeded" }));
    for (let time = 0; time < 3; time += 1) {
      await loseAlarm(job);
      pass(10 * MINUTE);
      expect(await listing.alarm()).toBeLessThanOrEqual(Date.now());
      await review();
      expect(await alarmOf(job)).not.toBeNull();
    }
  });

  test("a job that says it has time left, though by the listing's clock it has none, is left alone for a minute", async () => {
    const { listing } = openTenant();
    await listing.publishDurably(entry({ createdAt: Date.now() }));
    await listing.publishDurably(
      entry({ createdAt: Date.now(), status: "succeeded", purgeAt: Date.now() - 1 }),
    );
    expect(await listing.alarm()).toBe(Date.now() + MINUTE);
  });

  test("a job that could not be asked is asked again soon, however far off the next one is due", async () => {
    const { submit, listed, listing, review } = openTenant();
    const job = await submit({ policy: { ...policy, maxAttempts: 1 } });
    await job.api().start(1, 0, "lease");
    await job.api().publish();
    await listing.publishDurably(entry({ createdAt: Date.now(), status: "succeeded" }));
    await loseAlarm(job);
    pass(3 * MINUTE);
    const away = () => Promise.reject(new Error("the job is away"));
    await runInDurableObject(listing.stub, (object) => {
      const held = object as unknown as { env: typeof env };
      vi.spyOn(held.env, "JOBS", "get").mockReturnValue(jobsWith(() => ({ reconcile: away })) as never);
    });
    await review();
    vi.restoreAllMocks();
    expect(await listed(job)).toMatchObject({ status: "running" });
    expect(await listing.alarm()).toBe(Date.now() + 5 * MINUTE);
    pass(5 * MINUTE);
    await review();
    expect(await listed(job)).toMatchObject({ status: "failed" });
  });

  test("begins soon again after the listing's own alarm was lost, whatever it hears of next", async () => {
    const { listing } = openTenant();
    await listing.publish(entry({ createdAt: Date.now() }));
    await runInDurableObject(listing.stub, (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(listing.stub);
    await listing.publish(entry({ createdAt: Date.now(), status: "succeeded" }));
    expect(await listing.alarm()).toBe(Date.now() + MINUTE);
  });

  test("goes on in turns until all of many were asked", async () => {
    const { listing, review } = openTenant();
    await listing.publish(...Array.from({ length: 210 }, () => entry({ createdAt: Date.now() })));
    pass(3 * MINUTE);
    for (let turn = 0; turn < 2; turn += 1) {
      await review();
      pass(2);
    }
    expect(await listing.ids()).toEqual([]);
  }, 30_000);
});

test("deleting a job takes it off the list at once, and its key may be used again", async () => {
  const { submit, listed, review } = openTenant();
  const job = await submit({ fingerprint: "one" });
  await finish(job);
  await ringNext(job);
  expect(await job.api().delete()).toEqual({ kind: "deleted" });
  expect(await listed(job)).toBeUndefined();
  pass(1);
  const again = await submit({ fingerprint: "two" });
  await again.api().publish();
  expect(await listed(again)).toMatchObject({ status: "queued" });
  pass(2 * MINUTE);
  await review();
  expect(await listed(again)).toMatchObject({ status: "queued" });
});
