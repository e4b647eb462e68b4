/** Which failed calls are repeated, and how often. */

import { beforeEach, expect, test, vi } from "vitest";
import { jittered, withRetry } from "../../src/lib/retry.ts";

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

/** How often a call was made that fails with this error so many times. */
async function callsOf(marks: object, failures: number): Promise<{ calls: number; ended: string }> {
  let calls = 0;
  const call = async () => {
    calls += 1;
    if (calls <= failures) throw Object.assign(new Error("failed"), marks);
    return "answered";
  };
  const ended = withRetry(call).catch(({ message }: Error) => message);
  await vi.runAllTimersAsync();
  return { calls, ended: await ended };
}

test.each([
  ["retryable, twice", { retryable: true }, 2, { calls: 3, ended: "answered" }],
  ["retryable, always", { retryable: true }, 99, { calls: 5, ended: "failed" }],
  ["retryable and overloaded", { retryable: true, overloaded: true }, 1, { calls: 1, ended: "failed" }],
  ["overloaded", { overloaded: true }, 1, { calls: 1, ended: "failed" }],
  ["without a mark", {}, 1, { calls: 1, ended: "failed" }],
])("withRetry: an error %s → repeated only if that helps", async (_what, marks, failures, wanted) => {
  expect(await callsOf(marks, failures)).toEqual(wanted);
});

test("jittered: any time → half to one and a half of it", () => {
  const times = Array.from({ length: 1_000 }, () => jittered(1_000));
  expect(Math.min(...times)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...times)).toBeLessThanOrEqual(1_500);
  expect(new Set(times).size).toBeGreaterThan(900);
});
