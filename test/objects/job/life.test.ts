/** The job object in workerd: what it stores, sends and answers from acceptance to purge. */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DAY } from "../../../src/core/time.ts";
import { absentJobId } from "../../support/job-namespace.ts";
import {
  alarmOf,
  hold,
  nothing,
  pass,
  policy,
  read,
  ringNext,
  stopClock,
  submitted,
} from "../../support/objects.ts";
import { parkedFor } from "../../support/parked.ts";

beforeEach(stopClock);
afterEach(() => void vi.useRealTimers());

/** Rows changed in the object's database since it was opened, alarm and all. */
function rowsWritten(held: ReturnType<typeof hold>): Promise<number> {
  return runInDurableObject(held.stub, (_, state) =>
    Number(state.storage.sql.exec("SELECT total_changes() AS n").one().n),
  );
}

describe("a plain job", () => {
  test("submitted → stored, dispatched, claimed, finished with its result", async () => {
    const job = await submitted({ input: '{"n":1}' });
    await vi.waitFor(() =>
      expect(parkedFor(job.id)).toEqual([{ tenant: "parked", jobId: job.id, attempt: 1, continuation: 0 }]),
    );
    expect(await read(job)).toMatchObject({
      status: "queued",
      status_reason: "waiting_for_worker",
      attempt: 0,
    });
    const claim = await job.api().start(1, 0, "lease");
    expect(claim).toMatchObject({ type: "test.simulate", input: '{"n":1}', checkpoint: null });
    expect(await read(job)).toMatchObject({ status: "running", status_reason: "executing", attempt: 1 });
    expect(await job.api().finish("lease", nothing, { type: "succeed", result: '{"ok":true}' })).toEqual({
      ok: true,
    });
    expect(await read(job)).toMatchObject({ status: "succeeded", result: { ok: true }, version: 3 });
  });

  test("whole life → 5 rows written, both alarms included", async () => {
    const held = await submitted();
    const before = (await rowsWritten(held)) - 2;
    expect(await rowsWritten(held)).toBe(before + 2);
    await held.api().start(1, 0, "lease");
    await held.api().finish("lease", nothing, { type: "succeed", result: null });
    await ringNext(held);
    const rows = (await rowsWritten(held)) - before;
    expect(rows).toBeGreaterThanOrEqual(5);
    const withClearingOfAlarm = 6;
    expect(rows).toBeLessThanOrEqual(withClearingOfAlarm);
  });

  test("retention over → purged, nothing left", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "lease");
    await job.api().finish("lease", nothing, { type: "succeed", result: null });
    await ringNext(job);
    const { purge_at } = await read(job);
    expect(await alarmOf(job)).toBe(Date.parse(String(purge_at)));
    await ringNext(job);
    expect(await job.api().read()).toBeNull();
    expect(await alarmOf(job)).toBeNull();
    const left = await runInDurableObject(job.stub, (_, state) => [...state.storage.kv.list()]);
    expect(left).toEqual([]);
  });

  test("a day before the end of retention → not purged", async () => {
    const job = await submitted({ policy: { ...policy, retentionMs: 2 * DAY } });
    await job.api().cancel(null, null);
    pass(2 * DAY - 1);
    expect(await job.api().reconcile()).toMatchObject({ job: { status: "cancelled" } });
    pass(1);
    expect(await job.api().reconcile()).toBeNull();
    expect(await job.api().read()).toBeNull();
  });
});

describe("reading", () => {
  test("or commanding a missing job → nothing written", async () => {
    const unknown = hold(absentJobId());
    const before = await rowsWritten(unknown);
    expect(await unknown.api().read()).toBeNull();
    expect(await unknown.api().eventsAfter(0)).toBeNull();
    expect(await unknown.api().cancel(null, null)).toEqual({ kind: "not_found" });
    expect(await unknown.api().delete()).toEqual({ kind: "not_found" });
    expect(await unknown.api().start(1, 0, "lease")).toBeNull();
    const finished = await unknown.api().finish("lease", nothing, { type: "succeed", result: null });
    expect(finished).toEqual({ ok: false, reason: "stale" });
    expect(await rowsWritten(unknown)).toBe(before);
    expect(await alarmOf(unknown)).toBeNull();
  });

  test("existing job → nothing written", async () => {
    const job = await submitted();
    const before = await rowsWritten(job);
    await job.api().read();
    await job.api().eventsAfter(0);
    expect(await rowsWritten(job)).toBe(before);
  });
});

describe("large things", () => {
  test("large input → one row of its own, written once, returned whole", async () => {
    const input = JSON.stringify({ text: "ü".repeat(400_000) });
    const job = await submitted({ input });
    const before = await rowsWritten(job);
    const claim = await job.api().start(1, 0, "lease");
    expect(claim?.input).toBe(input);
    expect(await rowsWritten(job)).toBe(before + 1);
  });

  test("thousand events → stored in chunks, read without a gap", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "lease");
    for (let batch = 0; batch < 20; batch += 1) {
      const logs = Array.from(
        { length: 50 },
        (_, line) => ({ number: batch * 50 + line + 1, level: "info", message: `${batch}/${line}` }) as const,
      );
      await job.api().report("lease", { progress: null, logs }, true);
    }
    const events = (await job.api().eventsAfter(0)) ?? [];
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type === "job.log")).toHaveLength(1001);
    expect(((await job.api().eventsAfter(500)) ?? [])[0]?.seq).toBe(501);
  });

  test("input of a megabyte of numbers → stored", async () => {
    const input = JSON.stringify(Array.from({ length: 150_000 }, () => 0.5));
    const job = await submitted({ input });
    expect((await job.api().start(1, 0, "lease"))?.input).toBe(input);
  });
});
