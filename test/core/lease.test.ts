/** What a broken line means: a worker that says nothing more is lost soon, one that speaks up goes on. */

import { describe, expect, test } from "vitest";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import { nothing, SECOND, standing, startedLife } from "./job-fixtures.ts";

const LEASE_MS = 300 * SECOND;

function suspected() {
  const life = startedLife({ leaseMs: LEASE_MS });
  life.pass(10 * SECOND).send({ type: "shorten_lease", lease: life.lease });
  return life;
}

test("hold_files: twice → noted once, and the lease is renewed", () => {
  const life = startedLife({ leaseMs: LEASE_MS });
  expect(life.job.holdsFiles).toBe(false);
  expect(life.holdFiles().answer).toEqual({ ok: true });
  const { job } = life;
  expect(job.holdsFiles).toBe(true);
  expect(life.holdFiles().job).toBe(job);
  life.pass(LEASE_MS - SECOND).holdFiles();
  expect(life.job.phase).toMatchObject({ leaseEndsAt: life.now + LEASE_MS });
  life.succeed();
  expect(life.job.holdsFiles).toBe(true);
});

describe("a worker whose line broke", () => {
  test("is lost if it says nothing for 5 s, and the job is tried again long before the lease would have ended", () => {
    const life = suspected();
    const brokeAt = life.now;
    life.pass(4 * SECOND).wake();
    expect(standing(life.job)).toBe("executing");
    life.ring();
    expect(life.now - brokeAt).toBe(5 * SECOND);
    expect(life.job.attempts).toMatchObject([{ status: "lost", error: { kind: "worker_lost" } }]);
    expect(standing(life.job)).toBe("retrying");
    expect(nextAlarmAt(life.job) - brokeAt).toBeLessThan(LEASE_MS / 2);
    expect(life.succeed().answer).toEqual({ ok: false, reason: "stale" });
  });

  test("goes on if it speaks up in time, with its whole lease", () => {
    const life = suspected();
    life.pass(4 * SECOND).report(nothing, false);
    expect(life.job.phase).toMatchObject({ leaseEndsAt: life.now + LEASE_MS });
    expect(standing(life.pass(60 * SECOND).job)).toBe("executing");
    expect(life.succeed().answer).toEqual({ ok: true });
  });

  test("gets no more time than its lease had left", () => {
    const life = startedLife({ leaseMs: LEASE_MS });
    const leaseEndsAt = life.now + LEASE_MS;
    life.pass(LEASE_MS - SECOND).send({ type: "shorten_lease", lease: life.lease });
    expect(life.job.phase).toMatchObject({ leaseEndsAt });
  });

  test("is not suspected on behalf of an attempt that is over", () => {
    const life = startedLife({ leaseMs: LEASE_MS });
    const before = life.job;
    expect(life.send({ type: "shorten_lease", lease: "another" }).answer).toEqual({
      ok: false,
      reason: "stale",
    });
    expect(life.job).toBe(before);
  });
});
