/** How a running attempt speaks to a job that cannot be reached: again a second later, and not in between. */

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
  { what: "news", speak: (reporter: RunReporter) => reporter.log("info", "a line") },
  { what: "a sign of life", speak: (reporter: RunReporter) => reporter.heartbeat() },
])("$what that could not be told is told again every second", async ({ speak }) => {
  const { reportedAt, api } = unreachableJob();
  const reporter = new RunReporter(api, "lease", { leaseMs: 30_000, heartbeatTimeoutMs: null });
  speak(reporter);
  await vi.advanceTimersByTimeAsync(14_000);
  const pauses = reportedAt.slice(1).map((at, index) => at - (reportedAt[index] ?? at));
  expect(pauses.length).toBeGreaterThanOrEqual(3);
  for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(1_000);
  const closed = reporter.close();
  await vi.advanceTimersByTimeAsync(2_000);
  await closed;
});
