/** The sweep of a job index: which jobs it reconciles, when, and what their answers change. */

import { runInDurableObject } from "cloudflare:test";
import type { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MINUTE } from "../../../src/core/time.ts";
import type { JobObjectCalls } from "../../../src/rpc/job.ts";
import { nothing, pass, stopClock, submitted } from "../../support/objects.ts";
import { entry, finishedNow, type Listing, openListing, review } from "./index-fixtures.ts";

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const alarmIn = async ({ stub }: Listing) =>
  ((await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())) ?? Number.NaN) - Date.now();

describe("sweep", () => {
  test("jobs that do not respond → others are not blocked, no retry at once", async () => {
    const listing = openListing();
    const all = Array.from({ length: 250 }, (_, n) => entry({ createdAt: Date.now() + n }));
    await listing.publish(...all);
    pass(3 * MINUTE);
    const broken = new Set(all.slice(0, 200).map(({ job }) => job.id));
    const answer = async (id: string) => {
      if (broken.has(id)) throw new Error("broken");
      return null;
    };
    await review(listing, answer);
    expect(await alarmIn(listing)).toBeGreaterThanOrEqual(MINUTE);
    pass(MINUTE);
    const second = await review(listing, answer);
    expect(second.sort()).toEqual(
      all
        .slice(200)
        .map(({ job }) => job.id)
        .sort(),
    );
    expect(await alarmIn(listing)).toBeGreaterThanOrEqual(MINUTE);
    pass(5 * MINUTE);
    expect(new Set(await review(listing, async () => null))).toEqual(broken);
    expect(await listing.ids()).toEqual([]);
  });

  test("interrupted deletion among many kept jobs → job is found", async () => {
    const listing = openListing();
    const older = Array.from({ length: 600 }, () => finishedNow());
    await listing.publish(...older);
    pass(1);
    const last = finishedNow();
    await listing.api().markDeleted(listing.tenant, last);
    pass(2 * MINUTE);
    expect(await review(listing, async () => last)).toEqual([last.job.id]);
    expect(await listing.job(last.job.id)).toBeDefined();
  });

  test("entry older than a deletion → job stays deleted", async () => {
    const listing = openListing();
    const last = finishedNow();
    await listing.api().markDeleted(listing.tenant, last);
    pass(2 * MINUTE);
    await review(listing, async () => {
      await listing.api().markDeleted(listing.tenant, last);
      return last;
    });
    expect(await listing.ids()).toEqual([]);
  });

  test("job that is being purged → reconcile returns null", async () => {
    const job = await submitted({ uniqueKeys: [{ rule: "unique_key", name: "unique/slow" }] });
    await job.api().start(1, 0, "lease");
    await job.api().finish("lease", nothing, { type: "succeed", result: null });
    const words = await runInDurableObject(job.stub, async (object) => {
      const held = object as unknown as { env: typeof env } & JobObjectCalls;
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const slow = () => {
        begin();
        return released;
      };
      vi.spyOn(held.env, "UNIQUE_KEYS", "get").mockReturnValue({
        getByName: () => ({ release: slow }),
      } as never);
      const removing = held.delete(job);
      await begun;
      const reconciling = held.reconcile(job);
      release();
      return Promise.all([removing, reconciling]);
    });
    expect(words).toEqual([{ kind: "deleted" }, null]);
  });
});
