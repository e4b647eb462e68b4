/** One run: what a job type's code says, throws or returns, and what its job makes of it. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { JobFailure } from "../../src/job-types/define.ts";
import { sleep } from "../../src/lib/runtime.ts";
import { captureLog } from "../support/log.ts";
import { type Held, read } from "../support/objects.ts";
import { parkedFor } from "../support/parked.ts";
import { deliver, messageFor, ownJob, typeThat } from "../support/runs.ts";

/** Short enough that the run asks after its job five times a second. */
const quick = { leaseMs: 600 };

async function eventTypes(job: Held): Promise<string[]> {
  return ((await job.api().eventsAfter(0)) ?? []).map(({ type }) => type);
}

describe("what the code throws", () => {
  test("as a JobFailure is public in its words, and retried if its kind is temporary", async () => {
    const job = await ownJob();
    const type = typeThat(async () => {
      const cause = new Error("secret-internal-detail");
      throw new JobFailure("rate_limited", {
        code: "quota",
        message: "Over quota.",
        retryAfterMs: 60_000,
        cause,
      });
    });
    await deliver(type, [messageFor(job)]);
    const view = await read(job);
    expect(view).toMatchObject({
      status: "running",
      status_reason: "waiting_to_retry",
      attempts: [
        { status: "failed", error: { kind: "rate_limited", code: "quota", message: "Over quota." } },
      ],
    });
    expect(Date.parse(String(view.next_attempt_at)) - Date.now()).toBeGreaterThan(55_000);
    expect(JSON.stringify([view, await job.api().eventsAfter(0)])).not.toContain("secret");
  });

  test("otherwise stands in the log beside the reference, with stack and causes, and in no answer", async () => {
    const job = await ownJob();
    const records = captureLog();
    const type = typeThat(async () => {
      throw new Error("secret-internal-detail", { cause: new TypeError("the root of it") });
    });
    await deliver(type, [messageFor(job)]);
    vi.restoreAllMocks();
    const view = await read(job);
    const reference = "error" in view ? view.error?.reference : undefined;
    expect(view).toMatchObject({
      status: "failed",
      error: { kind: "internal_error", code: "internal_error", message: "The job could not be completed." },
    });
    const line = records.find((record) => JSON.stringify(record).includes("secret-internal-detail"));
    expect(line).toMatchObject({
      event: "attempt_threw",
      job_id: job.id,
      reference,
      error: {
        message: "secret-internal-detail",
        stack: expect.stringContaining("run.test.ts"),
        cause: { name: "TypeError", message: "the root of it" },
      },
    });
    expect(JSON.stringify([view, await job.api().eventsAfter(0)])).not.toMatch(/secret|root of it/);
  });
});

test("an exception that cannot be written down as JSON still ends its job", async () => {
  const circular: { self?: unknown; n: bigint } = { n: 1n };
  circular.self = circular;
  const own = new Error("its own cause");
  own.cause = own;
  for (const cause of [circular, own, 1n]) {
    const job = await ownJob(quick);
    await deliver(
      typeThat(async () => {
        throw new Error("boom", { cause });
      }),
      [messageFor(job)],
    );
    expect(await read(job)).toMatchObject({ status: "failed", error: { kind: "internal_error" } });
  }
});

test("a thousand log lines at once reach the job, in portions that fit", async () => {
  const job = await ownJob();
  const type = typeThat(async (run) => {
    for (let line = 1; line <= 1_200; line += 1) run.log(`${line} ${"x".repeat(5_000)}`);
  });
  await deliver(type, [messageFor(job)]);
  expect(await read(job)).toMatchObject({ status: "succeeded" });
  const logs = ((await job.api().eventsAfter(0)) ?? []).filter(({ type }) => type === "job.log");
  expect(logs).toHaveLength(1_001);
  const largest = await runInDurableObject(job.stub, (_, state) =>
    Math.max(...[...state.storage.kv.list()].map(([, value]) => JSON.stringify(value).length)),
  );
  expect(largest).toBeLessThan(500_000);
});

describe("what the code returns", () => {
  test.each([
    ["nothing", undefined, null],
    ["null", null, null],
    ["a function", () => 1, null],
    ["a value", { rows: 3 }, { rows: 3 }],
  ])("%s is the result", async (_, returned, result) => {
    const job = await ownJob();
    await deliver(
      typeThat(async () => returned),
      [messageFor(job)],
    );
    expect(await read(job)).toMatchObject({ status: "succeeded", result });
  });

  test.each([
    ["cannot be JSON", () => ({ n: 1n })],
    ["is larger than a mebibyte", () => "x".repeat(1024 * 1024)],
  ])("a result that %s fails the job as internal_error", async (_, make) => {
    const job = await ownJob();
    await deliver(
      typeThat(async () => make()),
      [messageFor(job)],
    );
    expect(await read(job)).toMatchObject({ status: "failed", error: { kind: "internal_error" } });
  });

  test("continueFrom goes on in a new run of the same attempt, with its checkpoint", async () => {
    const job = await ownJob();
    const type = typeThat(async (run) =>
      run.continuation < 2 ? run.continueFrom({ continuation: run.continuation }) : run.checkpoint,
    );
    await deliver(type, [messageFor(job)]);
    expect(await read(job)).toMatchObject({ status: "running", status_reason: "continuing", attempt: 1 });
    for (const continuation of [1, 2]) {
      await vi.waitFor(
        () => expect(parkedFor(job.id).at(-1)).toMatchObject({ attempt: 1, continuation }),
        5_000,
      );
      await deliver(type, [messageFor(job, 1, continuation)]);
    }
    expect(await read(job)).toMatchObject({ status: "succeeded", attempt: 1, result: { continuation: 1 } });
  });
});

describe("along the way", () => {
  test("progress said a hundred times is stored a few times, and the last word always", async () => {
    const job = await ownJob();
    const type = typeThat(async (run) => {
      for (let current = 1; current <= 100; current += 1) {
        run.progress({ current, total: 100, unit: "rows" });
        await sleep(12);
      }
    });
    await deliver(type, [messageFor(job)]);
    const view = await read(job);
    expect(view.progress).toMatchObject({ current: 100, total: 100, percent: 100 });
    expect(view.version).toBeLessThanOrEqual(6);
    const told = (await eventTypes(job)).filter((type) => type === "job.progress");
    expect(told.length).toBeGreaterThanOrEqual(2);
    expect(told.length).toBeLessThanOrEqual(3);
  });

  test("log lines become events, in order", async () => {
    const job = await ownJob();
    await deliver(
      typeThat(async (run) => {
        run.log("one");
        run.log("two", "warn");
      }),
      [messageFor(job)],
    );
    const logs = ((await job.api().eventsAfter(0)) ?? []).filter(({ type }) => type === "job.log");
    expect(logs.map(({ data }) => data)).toEqual([
      { level: "info", message: "one", attempt: 1 },
      { level: "warn", message: "two", attempt: 1 },
    ]);
  });

  test("a checkpoint survives the attempt that saved it", async () => {
    const job = await ownJob({ backoff: { firstMs: 1, factor: 1, capMs: 1 } });
    const type = typeThat(async (run) => {
      if (run.checkpoint !== null) return run.checkpoint;
      await run.saveCheckpoint({ at: 42 });
      throw new JobFailure("timeout");
    });
    await deliver(type, [messageFor(job)]);
    await vi.waitFor(() => expect(parkedFor(job.id).at(-1)).toMatchObject({ attempt: 2 }));
    await deliver(type, [messageFor(job, 2)]);
    expect(await read(job)).toMatchObject({ status: "succeeded", attempt: 2, result: { at: 42 } });
  });

  test("a checkpoint too large is the code's own fault", async () => {
    const job = await ownJob();
    await deliver(
      typeThat((run) => run.saveCheckpoint("x".repeat(64 * 1024))),
      [messageFor(job)],
    );
    expect(await read(job)).toMatchObject({ status: "failed", error: { kind: "internal_error" } });
  });

  test("a run outlives its first lease, because it renews it", async () => {
    const job = await ownJob(quick);
    await deliver(
      typeThat(() => sleep(1_500)),
      [messageFor(job)],
    );
    expect(await read(job)).toMatchObject({ status: "succeeded", attempt: 1 });
  });
});

describe("a cancellation", () => {
  test("aborts the signal, and is acknowledged when the code has stopped", async () => {
    const job = await ownJob(quick);
    let aborted = false;
    const type = typeThat(async (run) => {
      await new Promise((resolve) => run.signal.addEventListener("abort", resolve));
      aborted = true;
      throw run.signal.reason;
    });
    const delivered = deliver(type, [messageFor(job)]);
    await vi.waitFor(async () => expect(await read(job)).toMatchObject({ status: "running" }));
    await job.api().cancel("enough", null);
    expect(await read(job)).toMatchObject({ status: "cancelled", cancellation: { acknowledged_at: null } });
    await delivered;
    expect(aborted).toBe(true);
    const { cancellation } = await read(job);
    expect(cancellation?.acknowledged_at).toEqual(expect.any(String));
  });

  test("that the code ignores stands all the same, and its late result is refused", async () => {
    const job = await ownJob(quick);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const type = typeThat(async () => {
      await held;
      return "late";
    });
    const delivered = deliver(type, [messageFor(job)]);
    await vi.waitFor(async () => expect(await read(job)).toMatchObject({ status: "running" }));
    await job.api().cancel(null, null);
    release();
    await delivered;
    const view = await read(job);
    expect(view).toMatchObject({ status: "cancelled", attempts: [{ status: "cancelled" }] });
    expect(view).not.toHaveProperty("result");
    expect(view.cancellation?.acknowledged_at).toEqual(expect.any(String));
    expect((await eventTypes(job)).at(-1)).toBe("job.cancelled");
  });

  test("makes ensureCurrent reject, so that no effect comes late", async () => {
    const job = await ownJob();
    let effects = 0;
    const type = typeThat(async (run) => {
      await job.api().cancel(null, null);
      await run.ensureCurrent();
      effects += 1;
    });
    await deliver(type, [messageFor(job)]);
    expect(effects).toBe(0);
    expect(await read(job)).toMatchObject({ status: "cancelled" });
  });
});
