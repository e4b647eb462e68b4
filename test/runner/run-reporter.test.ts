/** How often a running attempt reports to its job, and what it does while the job cannot be reached. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Report } from "../../src/core/job.ts";
import { type JobApi, pingOf, type SocketReport } from "../../src/rpc/job.ts";
import { RunReporter } from "../../src/runner/run-reporter.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** A job that fails every call after a millisecond, and when it was asked to take a report. */
function unreachableJob() {
  const reportedAt: number[] = [];
  const fail = () => new Promise<never>((_, reject) => setTimeout(() => reject(new Error("away")), 1));
  const report = () => {
    reportedAt.push(Date.now());
    return fail();
  };
  return { reportedAt, api: () => ({ report, fetch: fail }) as unknown as JobApi };
}

test.each([
  { what: "a log line", act: (reporter: RunReporter) => reporter.log("info", "a line") },
  { what: "a heartbeat", act: (reporter: RunReporter) => reporter.heartbeat() },
])("unreachable job: $what → sent again every second", async ({ act }) => {
  const { reportedAt, api } = unreachableJob();
  const reporter = new RunReporter(api, "lease", { leaseMs: 30_000, heartbeatTimeoutMs: null, runTimeMs: 0 });
  act(reporter);
  await vi.advanceTimersByTimeAsync(14_000);
  const pauses = reportedAt.slice(1).map((at, index) => at - (reportedAt[index] ?? at));
  expect(pauses.length).toBeGreaterThanOrEqual(3);
  for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(1_000);
  const closed = reporter.close();
  await vi.advanceTimersByTimeAsync(2_000);
  await closed;
});

/** Reports progress every 100 ms for 30 s of a job of this age; returns the times between the reports it sent. */
async function intervalsOf(runTimeMs: number): Promise<number[]> {
  const sentAt: number[] = [];
  const report = async () => {
    sentAt.push(Date.now());
    return { ok: true };
  };
  const fetch = () => Promise.reject(new Error("no socket"));
  const api = () => ({ report, fetch }) as unknown as JobApi;
  const reporter = new RunReporter(api, "lease", { leaseMs: 30_000, heartbeatTimeoutMs: null, runTimeMs });
  for (let current = 1; current <= 300; current += 1) {
    reporter.progress({ current, total: null, unit: null, stage: null, message: null });
    await vi.advanceTimersByTimeAsync(100);
  }
  const closing = reporter.close();
  await vi.advanceTimersByTimeAsync(2_000);
  await closing;
  return sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? at));
}

test.each([
  { age: "new", runTimeMs: 0, leastMs: 1_000 },
  { age: "ten minutes old", runTimeMs: 600_000, leastMs: 2_000 },
  { age: "an hour old", runTimeMs: 3_600_000, leastMs: 10_000 },
])("progress of a job that is $age → sent at most every $leastMs ms", async ({ runTimeMs, leastMs }) => {
  const intervals = await intervalsOf(runTimeMs);
  expect(intervals.length).toBeGreaterThanOrEqual(2);
  for (const interval of intervals) {
    expect(interval).toBeGreaterThanOrEqual(leastMs);
    expect(interval).toBeLessThanOrEqual(leastMs + 200);
  }
});

/** A job that takes reports over a socket, and by calls. */
function connectedJob() {
  const messages: (SocketReport | string)[] = [];
  const calls: Report[] = [];
  const sockets: EventTarget[] = [];
  const tell = (type: string, fields: object) =>
    sockets.at(-1)?.dispatchEvent(Object.assign(new Event(type), fields));
  const fetch = async () => {
    const socket = Object.assign(new EventTarget(), {
      accept: () => undefined,
      close: () => undefined,
      send: (text: string) => void messages.push(text.startsWith("{") ? JSON.parse(text) : text),
    });
    sockets.push(socket);
    return { webSocket: socket };
  };
  const report = async (_lease: string, said: Report) => {
    calls.push(said);
    return { ok: true };
  };
  const api = () => ({ report, fetch }) as unknown as JobApi;
  return {
    api,
    messages,
    calls,
    reply: (said: object | string) =>
      tell("message", { data: typeof said === "string" ? said : JSON.stringify(said) }),
    breakSocket: () => tell("close", { code: 1006 }),
    /** A socket that broke by an error closes later, too. */
    failSocket: () => tell("error", {}),
    closeFirstSocket: () => sockets[0]?.dispatchEvent(Object.assign(new Event("close"), { code: 1006 })),
    opened: () => sockets.length,
  };
}

const OPTIONS = { leaseMs: 30_000, heartbeatTimeoutMs: null, runTimeMs: 0 };
const progressOf = (current: number) => ({ current, total: null, unit: null, stage: null, message: null });
const currentsOf = (said: readonly (SocketReport | string)[]) =>
  said.flatMap((one) => (typeof one === "string" ? [] : [one.report.progress?.current]));

/** A reporter whose socket is open. */
async function connectedReporter(options = OPTIONS) {
  const job = connectedJob();
  const reporter = new RunReporter(job.api, "lease", options);
  await vi.advanceTimersByTimeAsync(1_000);
  job.reply({ paceMs: 1_000 });
  return { job, reporter };
}

async function close(reporter: RunReporter): Promise<void> {
  const closed = reporter.close();
  await vi.advanceTimersByTimeAsync(2_000);
  await closed;
}

test("progress over the socket: sent at the pace the job asks for", async () => {
  const { job, reporter } = await connectedReporter();
  for (const [paceMs, expected] of [
    [10_000, 3],
    [1_000, 30],
  ] as const) {
    job.reply({ paceMs });
    job.messages.length = 0;
    for (let second = 1; second <= 30; second += 1) {
      reporter.progress(progressOf(second));
      await vi.advanceTimersByTimeAsync(1_000);
      job.reply(pingOf("lease"));
    }
    expect(Math.abs(currentsOf(job.messages).length - expected)).toBeLessThanOrEqual(1);
  }
  expect(job.calls).toEqual([]);
  await close(reporter);
});

test("progress over the socket: a client reads the job → sent each second for a while", async () => {
  const { job, reporter } = await connectedReporter();
  job.reply({ paceMs: 10_000 });
  job.reply({ paceMs: 1_000, forMs: 5_000 });
  job.messages.length = 0;
  for (let tenth = 1; tenth <= 300; tenth += 1) {
    reporter.progress(progressOf(tenth));
    await vi.advanceTimersByTimeAsync(100);
    job.reply(pingOf("lease"));
  }
  const sent = currentsOf(job.messages).length;
  expect(sent).toBeGreaterThanOrEqual(6);
  expect(sent).toBeLessThanOrEqual(9);
  await close(reporter);
});

test("socket breaks: the last progress and the lines that are not confirmed → sent again", async () => {
  const { job, reporter } = await connectedReporter();
  for (const line of ["one", "two", "three"]) reporter.log("info", line);
  reporter.progress(progressOf(5));
  await vi.advanceTimersByTimeAsync(1_000);
  job.reply({ storedLine: 2 });
  job.messages.length = 0;
  job.breakSocket();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(job.opened()).toBe(2);
  const said = job.calls.filter(({ progress, logs }) => progress !== null || logs.length > 0);
  expect(said).toMatchObject([{ progress: { current: 5 }, logs: [{ number: 3, message: "three" }] }]);
  await close(reporter);
});

test("socket fails, and closes when the next one is open → reports go on over the next one", async () => {
  const { job, reporter } = await connectedReporter();
  job.failSocket();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(job.opened()).toBe(2);
  job.reply({ paceMs: 1_000 });
  job.closeFirstSocket();
  job.calls.length = 0;
  reporter.progress(progressOf(9));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(currentsOf(job.messages)).toContain(9);
  expect(job.calls).toEqual([]);
  await close(reporter);
});

test("drain: what went over the socket and is not confirmed → goes along with the outcome", async () => {
  const { job, reporter } = await connectedReporter();
  reporter.log("info", "one");
  reporter.progress(progressOf(5));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await reporter.drain()).toMatchObject({ progress: { current: 5 }, logs: [{ message: "one" }] });
  expect(job.calls).toEqual([]);
  await close(reporter);
});

test("nothing to say: pings; a heartbeat only if a timeout waits for it", async () => {
  for (const [heartbeatTimeoutMs, isSent] of [
    [null, false],
    [30_000, true],
  ] as const) {
    const { job, reporter } = await connectedReporter({
      ...OPTIONS,
      ...{ heartbeatTimeoutMs },
    } as typeof OPTIONS);
    reporter.heartbeat();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(job.messages.some((one) => typeof one !== "string" && one.isHeartbeat)).toBe(isSent);
    expect(isSent || job.messages.includes(pingOf("lease"))).toBe(true);
    await close(reporter);
  }
});

test("socket that no longer answers → reports by calls", async () => {
  const { job, reporter } = await connectedReporter();
  await vi.advanceTimersByTimeAsync(45_000);
  reporter.progress(progressOf(7));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(job.calls.map(({ progress }) => progress?.current)).toContain(7);
  await close(reporter);
});
