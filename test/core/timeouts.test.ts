/** The one alarm of a job: which of its deadlines comes first. */

import { expect, test } from "vitest";
import type { Policy } from "../../src/core/job.ts";
import { type Deadline, nextDeadline } from "../../src/core/timeouts.ts";
import { DAY, HOUR, lifeOf, MINUTE, SECOND, startedLife, T0 } from "./job-fixtures.ts";

const at = (ms: number, kind: Deadline["kind"]): Deadline => ({ at: T0 + ms, kind });

test("a scheduled job wakes when it is due", () => {
  expect(nextDeadline(lifeOf({}, { runAt: T0 + HOUR }).job)).toEqual(at(HOUR, "dispatch"));
});

test("a waiting job wakes to repeat its message, or sooner when it must have started or finished", () => {
  expect(nextDeadline(lifeOf({ dispatchTimeoutMs: MINUTE }).job)).toEqual(at(MINUTE, "dispatch"));
  expect(nextDeadline(lifeOf({}, { startTimeoutMs: 5 }).job)).toEqual(at(5, "start_timeout"));
  expect(nextDeadline(lifeOf({ totalTimeoutMs: 4 }, { startTimeoutMs: 5 }).job)).toEqual(
    at(4, "total_timeout"),
  );
});

test.each([
  ["lease", { leaseMs: SECOND }],
  ["attempt_timeout", { attemptTimeoutMs: SECOND }],
  ["heartbeat_timeout", { heartbeatTimeoutMs: 0.8 * SECOND }],
  ["total_timeout", { totalTimeoutMs: SECOND }],
] as const)("an executing job wakes at its %s if that comes first", (kind, terms: Partial<Policy>) => {
  expect(nextDeadline(startedLife(terms).job)).toEqual(at(SECOND, kind));
});

test("an executing job without a heartbeat timeout has no heartbeat deadline", () => {
  const terms = { leaseMs: HOUR, attemptTimeoutMs: HOUR, totalTimeoutMs: DAY, heartbeatTimeoutMs: null };
  expect(nextDeadline(startedLife(terms).job)).toEqual(at(HOUR, "attempt_timeout"));
});

test("of two deadlines at one time the graver counts", () => {
  const all = {
    leaseMs: SECOND,
    attemptTimeoutMs: SECOND,
    totalTimeoutMs: SECOND,
    heartbeatTimeoutMs: SECOND,
  };
  expect(nextDeadline(startedLife(all).job)).toEqual(at(SECOND, "total_timeout"));
  expect(nextDeadline(startedLife({ ...all, totalTimeoutMs: HOUR }).job)).toEqual(
    at(SECOND, "attempt_timeout"),
  );
});

test("a job between two attempts wakes for the next one, however long ago its start was due", () => {
  const life = startedLife({}, { startTimeoutMs: 1 });
  life.fail("timeout");
  expect(nextDeadline(life.job)).toEqual(at(2 * SECOND, "dispatch"));
});

test("a finished job wakes once more, to be purged", () => {
  const life = startedLife({ retentionMs: 30 * DAY });
  life.succeed();
  expect(nextDeadline(life.job)).toEqual(at(30 * DAY, "purge"));
  const { job, events, effects } = life.pass(30 * DAY).wake();
  expect({ job, events, effects }).toEqual({ job, events: [], effects: [{ type: "purge" }] });
});
