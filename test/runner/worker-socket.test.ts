/** The line of a running attempt: a cancellation lands over it at once, its breaking is noticed, and neither needs it. */

import { runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { JobContext } from "../../src/job-types/define.ts";
import { jobsWith } from "../support/job-namespace.ts";
import { alarmOf, type Held, pass, read, ringNext, stopClock } from "../support/objects.ts";
import { parkedFor } from "../support/parked.ts";
import { deliver, messageFor, ownJob, typeThat } from "../support/runs.ts";

afterEach(() => void vi.useRealTimers());

/** Works until it is told to stop, as every handler should. */
const untilAborted = (run: JobContext) =>
  new Promise((_, reject) => run.signal.addEventListener("abort", () => reject(run.signal.reason)));

/** Runs until the test says so. */
function heldRun() {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { type: typeThat(() => finished), finish: () => finish() };
}

const CALLS = ["start", "report", "finish", "acknowledge", "saveCheckpoint", "fetch"];

/** The jobs' objects with `calls` noting what is called, and lines as `fetch` has them, if given. */
function watchedJobs(fetch?: () => Promise<Response>) {
  const calls: string[] = [];
  const JOBS = jobsWith((_id, real) =>
    Object.fromEntries(
      CALLS.map((name) => [
        name,
        (...args: never[]) => {
          calls.push(name);
          return name === "fetch" && fetch ? fetch() : real[name]?.(...args);
        },
      ]),
    ),
  );
  return { calls, JOBS };
}

function linesOf({ stub }: Held): Promise<number> {
  return runInDurableObject(stub, (_, state) => state.getWebSockets("worker").length);
}

async function lined(job: Held): Promise<void> {
  await vi.waitFor(async () => expect(await linesOf(job)).toBe(1), { timeout: 5_000 });
}

function breakLine({ stub }: Held): Promise<void> {
  return runInDurableObject(stub, (_, state) => {
    for (const line of state.getWebSockets("worker")) line.close(1011, "broken");
  });
}

/** How long the code ran on after it was cancelled, in milliseconds. */
async function stoppedAfterMs(job: Held): Promise<number> {
  const { cancellation } = (await read(job)) as { cancellation?: Record<string, string> };
  const { requested_at, acknowledged_at } = cancellation ?? {};
  return Date.parse(String(acknowledged_at)) - Date.parse(String(requested_at));
}

describe("a cancellation", () => {
  test("stops the code within a second, though the lease is renewed only every ten", async () => {
    const job = await ownJob();
    const run = deliver(typeThat(untilAborted), [messageFor(job)]);
    await lined(job);
    await job.api().cancel(null, null);
    await run;
    expect(await stoppedAfterMs(job)).toBeLessThan(1_000);
  });

  test("that comes before the line is told when it opens", async () => {
    const job = await ownJob();
    const run = deliver(typeThat(untilAborted), [messageFor(job)]);
    await vi.waitFor(async () => expect((await read(job)).status).toBe("running"));
    await job.api().cancel(null, null);
    await run;
    expect(await stoppedAfterMs(job)).toBeLessThan(1_000);
  });

  test.each([
    ["is refused", async () => new Response(null, { status: 503 })],
    ["cannot be reached", () => Promise.reject(new Error("Network connection lost."))],
    ["never comes about", () => new Promise<Response>(() => undefined)],
  ])("is heard when the lease is renewed where the line %s", async (_, fetch) => {
    const job = await ownJob({ leaseMs: 1_500 });
    const { JOBS, calls } = watchedJobs(fetch);
    const run = deliver(typeThat(untilAborted), [messageFor(job)], { JOBS });
    await vi.waitFor(() => expect(calls).toContain("fetch"));
    await job.api().cancel(null, null);
    await run;
    expect(await stoppedAfterMs(job)).toBeLessThan(3_000);
  });
});

describe("a line that breaks", () => {
  test("and whose worker says nothing more means that it is lost: tried again long before the lease ends", async () => {
    stopClock();
    const job = await ownJob({ leaseMs: 300_000 });
    await job.api().start(1, 0, "lease");
    const { webSocket } = await job
      .api()
      .fetch("https://job/worker?lease=lease", { headers: { Upgrade: "websocket" } });
    webSocket?.accept();
    webSocket?.close(1011, "the worker died");
    await vi.waitFor(async () => expect(await alarmOf(job)).toBeLessThanOrEqual(Date.now() + 5_000));
    expect(await ringNext(job)).toBe(5_000);
    expect(await read(job)).toMatchObject({
      status_reason: "waiting_to_retry",
      attempts: [{ status: "lost", error: { kind: "worker_lost" } }],
    });
    expect(await ringNext(job)).toBeLessThan(60_000);
    await vi.waitFor(() => expect(parkedFor(job.id).at(-1)).toMatchObject({ attempt: 2 }));
  });

  test("under a living worker is opened again, and the lease outlives its shortened end", async () => {
    const job = await ownJob();
    const { JOBS, calls } = watchedJobs();
    const { type, finish } = heldRun();
    const run = deliver(type, [messageFor(job)], { JOBS });
    await lined(job);
    calls.length = 0;
    await breakLine(job);
    await vi.waitFor(async () => expect((await alarmOf(job)) ?? 0).toBeLessThan(Date.now() + 5_000));
    await vi.waitFor(() => expect(calls).toContain("fetch"), { timeout: 5_000 });
    await lined(job);
    await ringNext(job);
    expect((await alarmOf(job)) ?? 0).toBeGreaterThan(Date.now() + 30_000);
    finish();
    await run;
    expect(await read(job)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  test("means nothing if the worker has another by then", async () => {
    stopClock();
    const job = await ownJob();
    await job.api().start(1, 0, "lease");
    const open = async () => {
      const url = "https://job/worker?lease=lease";
      const { webSocket } = await job.api().fetch(url, { headers: { Upgrade: "websocket" } });
      webSocket?.accept();
      return webSocket;
    };
    const [first, second] = [await open(), await open()];
    first?.close(1011, "noticed late");
    await vi.waitFor(async () => expect(await linesOf(job)).toBe(1));
    pass(6_000);
    await job.api().report("lease", { progress: null, logs: [] }, false);
    expect(await read(job)).toMatchObject({ status_reason: "executing" });
    second?.close(1011, "the worker died");
    await vi.waitFor(async () => expect(await alarmOf(job)).toBeLessThanOrEqual(Date.now() + 5_000));
  });
});
