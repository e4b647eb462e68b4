/** What a job object makes of the world's faults: lost, doubled and late messages, evictions, failing effects. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Failure } from "../../../src/core/job.ts";
import { SECOND } from "../../../src/core/time.ts";
import { jobQueueBindings } from "../../../src/transport/queues.ts";
import { begin } from "../../support/moves.ts";
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
import { parkedFor } from "../../support/parked.ts";

beforeEach(stopClock);
afterEach(() => void vi.useRealTimers());

const succeed = { type: "succeed", result: null } as const;

function failing(kind: Failure["kind"]) {
  const failure = { kind, code: kind, message: "No.", retryAfterMs: null, reference: "ref_1" };
  return { type: "fail", failure } as const;
}

/** Gives the object bindings that fail where `broken` says so. */
async function withEnv(held: Held, broken: Record<string, unknown>): Promise<void> {
  await runInDurableObject(held.stub, (instance) => {
    Object.assign(instance, { env: { ...env, ...broken } });
  });
}

const down = { send: () => Promise.reject(new Error("the queue is down")) };
const brokenQueue = Object.fromEntries(jobQueueBindings.map((binding) => [binding, down]));

/** How many messages a job that waits has sent. */
function dispatchesOf({ stub }: Held): Promise<number> {
  return runInDurableObject(stub, (_, { storage }) => {
    const row = storage.kv.get<{ job: { phase: { wait: { dispatches: number } } } }>("job");
    return row?.job.phase.wait.dispatches ?? 0;
  });
}

describe("messages", () => {
  test("lost → sent again, at growing intervals", async () => {
    const job = await submitted();
    const acceptedAt = Date.now();
    await vi.waitFor(() => expect(parkedFor(job.id)).toHaveLength(1));
    const sentAfter = [];
    for (let sent = 1; sent < 4; ) {
      await ringNext(job);
      const rangAfter = Date.now() - acceptedAt;
      const dispatches = await dispatchesOf(job);
      if (dispatches === sent) continue;
      await vi.waitFor(() => expect(parkedFor(job.id)).toHaveLength(dispatches));
      sent = dispatches;
      sentAfter.push(rangAfter);
    }
    expect(sentAfter).toEqual([30 * SECOND, 90 * SECOND, 210 * SECOND]);
    expect(await read(job)).toMatchObject({ status: "queued", attempt: 0, version: 1 });
  });

  test("delivered twice → one attempt", async () => {
    const job = await submitted();
    const claims = await Promise.all([job.api().start(1, 0, "one"), job.api().start(1, 0, "two")]);
    expect(claims.filter(Boolean)).toHaveLength(1);
    expect(await read(job)).toMatchObject({ attempt: 1 });
  });

  test("of a finished attempt → start nothing", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "one");
    await job.api().finish("one", nothing, failing("timeout"));
    expect(await job.api().start(1, 0, "again")).toBeNull();
    expect(await job.api().start(2, 0, "early")).toBeNull();
    expect(await read(job)).toMatchObject({
      status: "running",
      status_reason: "waiting_to_retry",
      attempt: 1,
    });
  });

  test("lost response to its claim → the same worker may claim again", async () => {
    const job = await submitted();
    const [first, second] = [await job.api().start(1, 0, "same"), await job.api().start(1, 0, "same")];
    expect(second).toEqual(first);
    expect(await read(job)).toMatchObject({ attempt: 1, version: 2 });
  });
});

describe("a worker", () => {
  test("vanishes → lease expires, next attempt starts", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "gone");
    await ringNext(job);
    expect(await read(job)).toMatchObject({
      status: "running",
      status_reason: "waiting_to_retry",
      attempts: [{ status: "lost", error: { kind: "worker_lost" } }],
    });
    await ringNext(job);
    expect(await job.api().start(2, 0, "new")).toMatchObject({ attempt: 2 });
    await vi.waitFor(() => expect(parkedFor(job.id).map(({ attempt }) => attempt)).toEqual([1, 2]));
  });

  test("stale report after expiry → rejected, job unchanged", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "late");
    await ringNext(job);
    const before = await read(job);
    expect(await job.api().finish("late", nothing, succeed)).toEqual({ ok: false, reason: "stale" });
    expect(
      await job
        .api()
        .report("late", { progress: null, logs: [{ number: 1, level: "info", message: "x" }] }, true),
    ).toEqual({
      ok: false,
      reason: "stale",
    });
    expect(await job.api().saveCheckpoint("late", "1")).toEqual({ ok: false, reason: "stale" });
    expect(await read(job)).toEqual(before);
  });

  test("renews its lease → keeps it when the alarm fires", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "busy");
    for (let beat = 0; beat < 10; beat += 1) {
      pass(20 * SECOND);
      expect(await job.api().report("busy", nothing, false)).toEqual({ ok: true });
      await runDurableObjectAlarm(job.stub);
    }
    expect(await read(job)).toMatchObject({ status: "running", status_reason: "executing", attempt: 1 });
  });

  test("job cancelled → report returns it, worker acknowledges", async () => {
    const job = await submitted();
    await job.api().start(1, 0, "busy");
    await job.api().cancel("enough", null);
    expect(await read(job)).toMatchObject({ status: "cancelled", cancellation: { acknowledged_at: null } });
    expect(await job.api().finish("busy", nothing, succeed)).toEqual({ ok: false, reason: "cancelled" });
    pass(SECOND);
    await job.api().acknowledge("busy");
    const { cancellation } = await read(job);
    expect(cancellation?.acknowledged_at).toBe(new Date().toISOString());
  });
});

describe("an eviction", () => {
  const stages: [string, (job: Held) => Promise<unknown>][] = [
    ["queued", async () => undefined],
    ["executing", (job) => job.api().start(1, 0, "lease")],
    ["waiting_to_retry", (job) => job.api().finish("lease", nothing, failing("timeout"))],
    ["due again", (job) => ringNext(job).then(() => ringNext(job))],
    ["executing again", (job) => job.api().start(2, 0, "second")],
    ["checkpointed", (job) => job.api().saveCheckpoint("second", '{"at":7}')],
    ["a second later", async () => pass(SECOND)],
    [
      "continuing",
      (job) => job.api().finish("second", nothing, { type: "continue", checkpoint: '{"at":8}' }),
    ],
    ["executing its second slice", (job) => job.api().start(2, 1, "third")],
    ["succeeded", (job) => job.api().finish("third", nothing, succeed)],
  ];

  test("in any state → nothing lost", async () => {
    const job = await submitted();
    for (const [stage, act] of stages) {
      await act(job);
      const [before, alarm] = [await read(job), await alarmOf(job)];
      await evictDurableObject(job.stub);
      expect(await read(job), stage).toEqual(before);
      expect(await alarmOf(job), stage).toBe(alarm);
    }
    const types = (await job.api().eventsAfter(0))?.map(({ type }) => type);
    expect(types?.filter((type) => type === "job.succeeded")).toHaveLength(1);
    expect(types?.[types.length - 1]).toBe("job.succeeded");
  });

  test("between commit and message → the alarm sends the message", async () => {
    const job = await submitted({ runAt: Date.now() + 60 * SECOND });
    await withEnv(job, brokenQueue);
    await ringNext(job);
    expect(await read(job)).toMatchObject({ status_reason: "waiting_for_worker" });
    expect(parkedFor(job.id)).toEqual([]);
    await evictDurableObject(job.stub);
    await ringNext(job);
    await vi.waitFor(() => expect(parkedFor(job.id)).toHaveLength(1));
  });
});

/** Files objects whose `deleteOfJob` is this. */
const filesThat = (deleteOfJob: () => Promise<void>) => ({ getByName: () => ({ deleteOfJob }) });

describe("an effect that fails", () => {
  test("while purging a job without files → nothing but its object is called", async () => {
    const job = await submitted();
    await job.api().finish(await begin(job.id), nothing, succeed);
    const none = new Proxy({}, { get: () => expect.unreachable("another object was called") });
    await withEnv(job, { FILE_RECORDS: none, DATASETS: none, UNIQUE_KEYS: none, FILES: none });
    expect(await job.api().delete()).toEqual({ kind: "deleted" });
  });

  test("after the index was told of a deletion → stored that it lacks the job, and the alarm tells it soon", async () => {
    const uniqueKeys = [{ rule: "unique_key", name: crypto.randomUUID() }] as const;
    const job = await submitted({ uniqueKeys });
    await job.api().finish(await begin(job.id), nothing, succeed);
    await ringNext(job);
    const UNIQUE_KEYS = { getByName: () => ({ release: () => Promise.reject(new Error("away")) }) };
    await withEnv(job, { UNIQUE_KEYS });
    expect(
      String(
        await job
          .api()
          .delete()
          .catch((error) => error),
      ),
    ).toContain("away");
    await evictDurableObject(job.stub);
    const row = await runInDurableObject(job.stub, (_, { storage }) => storage.kv.get("job"));
    expect(row).toMatchObject({ isUnconfirmed: true });
    expect(await alarmOf(job)).toBeLessThanOrEqual(Date.now() + 60 * SECOND);
  });

  test("while purging → job stays, the alarm tries again", async () => {
    const job = await submitted({ policy: { ...policy, retentionMs: SECOND } });
    const lease = await begin(job.id);
    await job.api().holdFiles(lease);
    await job.api().cancel(null, null);
    await withEnv(job, { FILE_RECORDS: filesThat(() => Promise.reject(new Error("down"))) });
    await ringNext(job);
    expect(await read(job)).toMatchObject({ status: "cancelled" });
    expect(await alarmOf(job)).toBeGreaterThan(Date.now());
    await withEnv(job, {});
    await ringNext(job);
    expect(await job.api().read()).toBeNull();
  });

  test("two deletions at once → one purge", async () => {
    const job = await submitted();
    await job.api().holdFiles(await begin(job.id));
    await job.api().cancel(null, null);
    let asked = 0;
    const open = Promise.withResolvers<void>();
    const FILE_RECORDS = filesThat(() => {
      asked += 1;
      return open.promise;
    });
    await withEnv(job, { FILE_RECORDS });
    const both = Promise.all([job.api().delete(), job.api().delete()]);
    await vi.waitFor(() => expect(asked).toBe(1));
    open.resolve();
    expect(await both).toEqual([{ kind: "deleted" }, { kind: "deleted" }]);
    expect(asked).toBe(1);
    expect(await job.api().read()).toBeNull();
  });

  test("in an alarm → never thrown, alarm set again", async () => {
    const job = await submitted();
    await runInDurableObject(job.stub, (_, state) => {
      state.storage.kv.put("job", { job: { phase: { status: "nonsense" } }, apart: [], tail: [] });
    });
    await evictDurableObject(job.stub);
    pass(31 * SECOND);
    expect(await runDurableObjectAlarm(job.stub)).toBe(true);
    expect(await alarmOf(job)).toBeGreaterThan(Date.now());
  });
});

test("alarm: lost → set again by the next read of the job", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "gone");
  await runInDurableObject(job.stub, (_, state) => state.storage.deleteAlarm());
  await evictDurableObject(job.stub);
  await read(job);
  await ringNext(job);
  expect(await read(job)).toMatchObject({ attempts: [{ status: "lost" }] });
});

describe("limits", () => {
  test("handler hangs → ended by heartbeat, attempt and total timeout", async () => {
    const silent = await submitted({ policy: { ...policy, leaseMs: 1e9, heartbeatTimeoutMs: 5 * SECOND } });
    const slow = await submitted({ policy: { ...policy, leaseMs: 1e9, attemptTimeoutMs: 5 * SECOND } });
    const late = await submitted({ policy: { ...policy, leaseMs: 1e9, totalTimeoutMs: 5 * SECOND } });
    for (const job of [silent, slow, late]) await job.api().start(1, 0, "hanging");
    pass(6.25 * SECOND);
    for (const job of [silent, slow, late]) await runDurableObjectAlarm(job.stub);
    const timedOut = { attempts: [{ status: "timed_out", error: { kind: "timeout" } }] };
    expect(await read(silent)).toMatchObject({
      status: "running",
      status_reason: "waiting_to_retry",
      ...timedOut,
    });
    expect(await read(slow)).toMatchObject({
      status: "running",
      status_reason: "waiting_to_retry",
      ...timedOut,
    });
    expect(await read(late)).toMatchObject({
      status: "failed",
      status_reason: "total_timeout",
      ...timedOut,
    });
  });

  test("not started in time → job cancelled", async () => {
    const job = await submitted({ startTimeoutMs: 5 * SECOND });
    expect(await ringNext(job)).toBe(5 * SECOND);
    expect(await read(job)).toMatchObject({
      status: "cancelled",
      status_reason: "start_timeout",
      cancellation: { by: "system" },
    });
  });
});
