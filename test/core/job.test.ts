/** Questions about a job: whom its places keep out, and when it is gone. */

import { describe, expect, test } from "vitest";
import { expiresAt, holdsPlace, isFinished, type Place } from "../../src/core/job.ts";
import { DAY, HOUR, lifeOf, startedLife, T0 } from "./jobs.ts";

const unique: Place = { rule: "unique", name: "user-7" };
const sameRequest: Place = { rule: "same_request", name: "hash", untilAt: T0 + HOUR };
const places = [unique, sameRequest];

describe("a unique place", () => {
  test("is held from acceptance until the job finishes, and between two attempts", () => {
    const life = lifeOf({}, { places });
    expect(holdsPlace(life.job, "user-7", T0 + 2 * HOUR)).toBe(true);
    life.start();
    expect(holdsPlace(life.job, "user-7", T0)).toBe(true);
    life.fail("timeout");
    expect(holdsPlace(life.job, "user-7", T0)).toBe(true);
  });

  test.each(["succeeded", "failed", "cancelled"] as const)("is free as soon as the job has %s", (status) => {
    const { job } = finished(status);
    expect(holdsPlace(job, "user-7", T0)).toBe(false);
  });
});

describe("a same-request place", () => {
  test("is held for its time after success", () => {
    const { job } = finished("succeeded");
    expect(holdsPlace(job, "hash", T0 + HOUR - 1)).toBe(true);
    expect(holdsPlace(job, "hash", T0 + HOUR)).toBe(false);
  });

  test.each(["failed", "cancelled"] as const)(
    "is free when the job was %s: it deserves a new try",
    (status) => {
      expect(holdsPlace(finished(status).job, "hash", T0)).toBe(false);
    },
  );

  test("is held by an unfinished job even beyond its time", () => {
    expect(holdsPlace(lifeOf({}, { places }).job, "hash", T0 + 2 * HOUR)).toBe(true);
  });
});

test("a place the job never asked for is not held", () => {
  expect(holdsPlace(lifeOf({}, { places }).job, "user-8", T0)).toBe(false);
});

test("a job expires its retention after it finished, and never before it has finished", () => {
  const life = startedLife({ retentionMs: 2 * DAY });
  expect([isFinished(life.job), expiresAt(life.job)]).toEqual([false, null]);
  life.pass(HOUR).succeed();
  expect([isFinished(life.job), expiresAt(life.job)]).toEqual([true, T0 + HOUR + 2 * DAY]);
});

function finished(status: "succeeded" | "failed" | "cancelled") {
  const life = startedLife({}, { places });
  if (status === "succeeded") life.succeed();
  if (status === "failed") life.fail("invalid_input");
  if (status === "cancelled") life.cancel();
  expect(life.job.phase.status).toBe(status);
  return life;
}
