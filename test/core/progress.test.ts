/** What a running attempt may say, what of it is kept and told, and what each change counts for. */

import { describe, expect, test } from "vitest";
import type { JobEvent } from "../../src/core/job.ts";
import { applyReport, progressPercent } from "../../src/core/progress.ts";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import {
  countOf,
  HOUR,
  lifeOf,
  MINUTE,
  nothing,
  progressOf,
  reportOf,
  SECOND,
  startedLife,
  T0,
} from "./job-fixtures.ts";

describe("progress", () => {
  test.each([
    [0, 1000, 0],
    [42, 1000, 4],
    [29, 100, 29],
    [57, 100, 57],
    [999, 1000, 99],
    [2 ** 53 - 2, 2 ** 53 - 1, 99],
    [1000, 1000, 100],
    [0, 0, 100],
    [5, null, null],
    [null, 10, null],
  ])("of %s out of %s is %s percent", (current, total, expected) => {
    expect(progressPercent(progressOf(current, total))).toBe(expected);
  });

  test("in percent is exact to the whole percent, and 100 only when all is done", () => {
    for (let current = 0; current <= 100; current++) {
      expect(progressPercent(progressOf(current, 100))).toBe(current);
      expect(progressPercent(progressOf(current, 101))).toBeLessThan(100);
    }
  });

  test("beyond its total has no total, and at its total has one", () => {
    const life = startedLife();
    life.report(reportOf(progressOf(11, 10)));
    expect(life.job.progress).toMatchObject({ current: 11, total: null });
    life.report(reportOf(progressOf(10, 10)));
    expect(life.job.progress).toMatchObject({ current: 10, total: 10 });
  });

  test("is null until reported", () => {
    expect(startedLife().job.progress).toBeNull();
  });
});

describe("progress events", () => {
  test("each reported change → stored and published", () => {
    const life = startedLife();
    for (let current = 1; current <= 3; current++)
      life.pass(SECOND / 10).report(reportOf(progressOf(current)));
    expect(published(life.events)).toEqual([1, 2, 3]);
    expect(life.job.progress).toMatchObject({ current: 3, at: T0 + (3 * SECOND) / 10 });
  });

  test("progress with the outcome → published before it", () => {
    const life = startedLife();
    life.report(reportOf(progressOf(1, 2)));
    life.succeed(reportOf(progressOf(2, 2)));
    expect(published(life.events)).toEqual([1, 2]);
    expect(life.events.slice(-2).map(({ type }) => type)).toEqual(["job.progress", "job.succeeded"]);
  });

  test("the clock goes back → still published", () => {
    const life = startedLife().pass(SECOND);
    life.report(reportOf(progressOf(1, 2)));
    life.pass(-5).succeed(reportOf(progressOf(2, 2)));
    expect(published(life.events)).toEqual([1, 2]);
  });

  test("the same progress again → published once", () => {
    const life = startedLife();
    life.report(reportOf(progressOf(1)));
    life.pass(10 * SECOND).report(reportOf(progressOf(1)));
    life.succeed();
    expect(published(life.events)).toEqual([1]);
  });
});

describe("log lines", () => {
  test("become events of their attempt, in order, cut at 4,096 characters", () => {
    const life = startedLife();
    life.report(reportOf(null, "one", "x".repeat(5_000)));
    expect(life.events.slice(-2)).toMatchObject([
      { type: "job.log", level: "info", message: "one", attempt: 1 },
      { type: "job.log", message: "x".repeat(4_096) },
    ]);
  });

  test("beyond 1,000 are not kept, and one line says so once", () => {
    const life = startedLife();
    const lines = Array.from({ length: 700 }, (_, index) => `line ${index}`);
    for (const _ of [1, 2, 3]) life.report(reportOf(null, ...lines));
    life.succeed(reportOf(null, "last"));
    const logged = life.events.filter((event) => event.type === "job.log");
    expect(logged).toHaveLength(1_001);
    expect(logged.filter(({ level }) => level === "warn")).toEqual([logged.at(-1)]);
    expect(logged.at(-2)).toMatchObject({ message: "line 299" });
    expect(life.job.logLines).toBe(1_000);
  });

  test("are told even with the outcome, and before it", () => {
    const life = startedLife();
    life.fail("timeout", null, reportOf(null, "why"));
    expect(life.events.slice(-2)).toMatchObject([{ type: "job.log" }, { type: "job.attempt_failed" }]);
  });
});

describe("a renewal", () => {
  test("is not written while the lease is fresh: the very same job comes back", () => {
    const life = startedLife({ leaseMs: 30 * SECOND });
    const { job } = life;
    for (const _ of [1, 2]) expect(life.pass(5 * SECOND).report(nothing).job).toBe(job);
  });

  test("is written once half of the lease is used, and is no new version", () => {
    const life = startedLife({ leaseMs: 30 * SECOND });
    const { version, updatedAt } = life.job;
    life.pass(16 * SECOND).report(nothing);
    expect(nextAlarmAt(life.job)).toBe(T0 + 46 * SECOND);
    expect(life.job).toMatchObject({ version, updatedAt });
  });

  test("comes with every report that is written anyway", () => {
    const life = startedLife({ leaseMs: 30 * SECOND });
    life.pass(5 * SECOND).report(reportOf(progressOf(1)));
    expect(nextAlarmAt(life.job)).toBe(T0 + 35 * SECOND);
    life.pass(SECOND).saveCheckpoint("{}");
    expect(nextAlarmAt(life.job)).toBe(T0 + 36 * SECOND);
  });

  test("comes with a heartbeat before the heartbeat timeout", () => {
    const life = startedLife({ leaseMs: 10 * MINUTE, heartbeatTimeoutMs: 20 * SECOND });
    for (let passed = 0; passed < 2 * MINUTE; passed += 4 * SECOND) life.pass(4 * SECOND).report(nothing);
    expect(life.job.attempts).toMatchObject([{ status: "running" }]);
  });
});

test("a heartbeat as often as the timeout asks keeps an attempt alive, though not each is stored", () => {
  const life = startedLife({ leaseMs: 10 * MINUTE, heartbeatTimeoutMs: MINUTE });
  for (const atMs of [10, 65, 124, 180].map((seconds) => seconds * SECOND)) {
    life.ring(T0 + atMs);
    life.report(nothing);
  }
  expect(life.job.attempts).toMatchObject([{ status: "running" }]);
});

test("a log line reported twice, because an answer was lost, is told once", () => {
  const life = startedLife();
  const [first, second] = [reportOf(null, "one"), reportOf(null, "two")];
  life.report(first);
  life.report({ progress: null, logs: [...first.logs, ...second.logs] });
  expect(life.events.flatMap((event) => (event.type === "job.log" ? [event.message] : []))).toEqual([
    "one",
    "two",
  ]);
});

test("a log line is cut to 4 KiB of UTF-8, between two characters", () => {
  const life = startedLife();
  life.report(reportOf(null, `a${"漢".repeat(2_000)}`));
  const [line] = life.events.flatMap((event) => (event.type === "job.log" ? [event.message] : []));
  expect(line).toBe(`a${"漢".repeat(1_365)}`);
});

test("progress that says nothing new changes nothing", () => {
  const life = startedLife();
  life.report(reportOf(progressOf(1, 2)));
  const before = life.job;
  life.pass(SECOND).report(reportOf(progressOf(1, 2)));
  expect(life.job).toMatchObject({ version: before.version, progress: before.progress });
});

test("texts too long to be read are cut, also in the words of a failure", () => {
  const life = startedLife();
  life.report(reportOf({ ...progressOf(1), message: "x".repeat(10_000) }, "y".repeat(10_000)));
  expect(life.job.progress?.message).toHaveLength(500);
  expect(life.events.at(-1)).toMatchObject({ type: "job.progress" });
  const failure = {
    kind: "not_found",
    code: "c".repeat(999),
    message: "m".repeat(9_999),
    retryAfterMs: null,
  } as const;
  life.send({ type: "fail", lease: life.lease, report: nothing, failure: { ...failure, reference: "r" } });
  const { error } = life.job.attempts[0] ?? {};
  expect([error?.code.length, error?.message.length]).toEqual([100, 1_000]);
});

describe("a version", () => {
  test("is 1 when accepted, and one more with every visible change", () => {
    const life = lifeOf();
    expect(life.job.version).toBe(1);
    life.start();
    life.report(reportOf(progressOf(1)));
    life.continueRun("{}", reportOf(progressOf(2), "a line"));
    life.start();
    life.fail("timeout", null, reportOf(progressOf(3), "another line"));
    expect(life.job.version).toBe(6);
    life.ring().start();
    life.cancel();
    life.acknowledge();
    expect(life.job.version).toBe(9);
  });

  test("is one more even when deadlines that passed unnoticed are acted on in the same command", () => {
    const life = lifeOf({}, { runAt: T0 + HOUR }).pass(HOUR);
    expect(life.start().job.version).toBe(2);
  });

  test("is one more when a scheduled job becomes due, and the same when its message is repeated", () => {
    const life = lifeOf({}, { runAt: T0 + HOUR }).ring();
    expect(life.job.version).toBe(2);
    expect(life.ring().job.version).toBe(2);
  });

  test("is the same after what no client sees: a checkpoint, a log line", () => {
    const life = startedLife();
    life.saveCheckpoint("{}");
    life.report(reportOf(null, "a line"));
    expect(life.job.version).toBe(2);
  });
});

describe("events", () => {
  test("count from 1 without a gap and end with the one final event", () => {
    const life = startedLife();
    life.report(reportOf(progressOf(1), "one", "two"));
    life.fail("timeout", null, reportOf(progressOf(2), "three"));
    life.ring(T0 + 2 * SECOND).start();
    life.continueRun();
    life.start();
    life.succeed();
    life.cancel();
    life.succeed();
    expect(life.events.map(({ seq }) => seq)).toEqual(life.events.map((_, index) => index + 1));
    expect(life.job.lastSeq).toBe(life.events.length);
    expect(life.events.at(-1)?.type).toBe("job.succeeded");
    expect(countOf(life.events, "job.succeeded", "job.failed", "job.cancelled")).toBe(1);
  });

  test("of acceptance say when the job is due only if that is later", () => {
    expect(lifeOf().events).toEqual([{ seq: 1, at: T0, type: "job.queued", dueAt: null }]);
    expect(lifeOf({}, { runAt: T0 - HOUR }).events).toMatchObject([{ dueAt: null }]);
    expect(lifeOf({}, { runAt: T0 + HOUR }).events).toMatchObject([{ dueAt: T0 + HOUR }]);
  });
});

test("a report that says nothing new leaves the very same job", () => {
  const { job } = startedLife();
  expect(applyReport(job, nothing, T0 + SECOND).job).toBe(job);
});

function published(events: readonly JobEvent[]): (number | null)[] {
  return events.flatMap((event) => (event.type === "job.progress" ? [event.progress.current] : []));
}
