/** How often a running attempt reports to its job, and what it does while the job cannot be reached. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { JobApi } from "../../src/rpc/job.ts";
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
