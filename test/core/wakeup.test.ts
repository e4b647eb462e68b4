/** The one alarm of a job: which of its deadlines comes first. */

import { expect, test } from "vitest";
import type { Policy } from "../../src/core/job.ts";
import { type Deadline, nextDeadline } from "../../src/core/wakeup.ts";
import { DAY, HOUR, lifeOf, MINUTE, SECOND, startedLife, T0 } from "./jobs.ts";

const at = (ms: number, kind: Deadline["kind"]): Deadline => ({ at: T0 + ms, kind });

test("a scheduled job wakes when it is due", () => {
  expect(nextDeadline(lifeOf({}, { runAt: T0 + HOUR }).job)).toEqual(at(HOUR, "send"));
});

test("a waiting job wakes to repeat its message, or sooner when it must have started or finished", () => {
  expect(nextDeadline(lifeOf({ redeliverMs: MINUTE }).job)).toEqual(at(MINUTE, "send"));
  expect(nextDeadline(lifeOf({}, { startWithinMs: 5 }).job)).toEqual(at(5, "start_by"));
  expect(nextDeadline(lifeOf({ timeLimitMs: 4 }, { startWithinMs: 5 }).job)).toEqual(at(4, "time_limit"));
});

test.each([
  ["lease", { leaseMs: SECOND }],
  ["attempt_limit", { attemptLimitMs: SECOND }],
  ["silence", { silenceLimitMs: 0.8 * SECOND }],
  ["time_limit", { timeLimitMs: SECOND }],
] as const)("an executing job wakes at its %s if that comes first", (kind, terms: Partial<Policy>) => {
  expect(nextDeadline(startedLife(terms).job)).toEqual(at(SECOND, kind));
});

test("an executing job that need not give signs of life has no silence to wake for", () => {
  const terms = { leaseMs: HOUR, attemptLimitMs: HOUR, timeLimitMs: DAY, silenceLimitMs: null };
  expect(nextDeadline(startedLife(terms).job)).toEqual(at(HOUR, "attempt_limit"));
});

test("of two deadlines at one time the graver counts", () => {
  const all = { leaseMs: SECOND, attemptLimitMs: SECOND, timeLimitMs: SECOND, silenceLimitMs: SECOND };
  expect(nextDeadline(startedLife(all).job)).toEqual(at(SECOND, "time_limit"));
  expect(nextDeadline(startedLife({ ...all, timeLimitMs: HOUR }).job)).toEqual(at(SECOND, "attempt_limit"));
});

test("a job between two attempts wakes for the next one, however long ago its start was due", () => {
  const life = startedLife({}, { startWithinMs: 1 });
  life.fail("timeout");
  expect(nextDeadline(life.job)).toEqual(at(2 * SECOND, "send"));
});

test("a finished job wakes once more, to be purged", () => {
  const life = startedLife({ retentionMs: 30 * DAY });
  life.succeed();
  expect(nextDeadline(life.job)).toEqual(at(30 * DAY, "purge"));
  const { job, events, effects } = life.pass(30 * DAY).wake();
  expect({ job, events, effects }).toEqual({ job, events: [], effects: [{ type: "purge" }] });
});
