/** Questions about a job: whom its places keep out, and when it is gone. */

import { describe, expect, test } from "vitest";
import { holdsUniqueKey, purgeAt } from "../../src/core/facts.ts";
import { isFinished, type UniqueKey } from "../../src/core/job.ts";
import { DAY, HOUR, lifeOf, startedLife, T0 } from "./job-fixtures.ts";

const unique: UniqueKey = { rule: "unique_key", name: "user-7" };
const inputHash: UniqueKey = { rule: "input_hash", name: "hash", untilAt: T0 + HOUR };
const uniqueKeys = [unique, inputHash];

describe("a unique place", () => {
  test("is held from acceptance until the job finishes, and between two attempts", () => {
    const life = lifeOf({}, { uniqueKeys });
    expect(holdsUniqueKey(life.job, "user-7", T0 + 2 * HOUR)).toBe(true);
    life.start();
    expect(holdsUniqueKey(life.job, "user-7", T0)).toBe(true);
    life.fail("timeout");
    expect(holdsUniqueKey(life.job, "user-7", T0)).toBe(true);
  });

  test.each(["succeeded", "failed", "cancelled"] as const)("is free as soon as the job has %s", (status) => {
    const { job } = finished(status);
    expect(holdsUniqueKey(job, "user-7", T0)).toBe(false);
  });
});

describe("a same-request place", () => {
  test("is held for its time after success", () => {
    const { job } = finished("succeeded");
    expect(holdsUniqueKey(job, "hash", T0 + HOUR - 1)).toBe(true);
    expect(holdsUniqueKey(job, "hash", T0 + HOUR)).toBe(false);
  });

  test.each(["failed", "cancelled"] as const)(
    "is free when the job was %s: it deserves a new try",
    (status) => {
      expect(holdsUniqueKey(finished(status).job, "hash", T0)).toBe(false);
    },
  );

  test("is held by an unfinished job even beyond its time", () => {
    expect(holdsUniqueKey(lifeOf({}, { uniqueKeys }).job, "hash", T0 + 2 * HOUR)).toBe(true);
  });
});

test("a place the job never asked for is not held", () => {
  expect(holdsUniqueKey(lifeOf({}, { uniqueKeys }).job, "user-8", T0)).toBe(false);
});

test("a job expires its retention after it finished, and never before it has finished", () => {
  const life = startedLife({ retentionMs: 2 * DAY });
  expect([isFinished(life.job), purgeAt(life.job)]).toEqual([false, null]);
  life.pass(HOUR).succeed();
  expect([isFinished(life.job), purgeAt(life.job)]).toEqual([true, T0 + HOUR + 2 * DAY]);
});

function finished(status: "succeeded" | "failed" | "cancelled") {
  const life = startedLife({}, { uniqueKeys });
  if (status === "succeeded") life.succeed();
  if (status === "failed") life.fail("invalid_input");
  if (status === "cancelled") life.cancel();
  expect(life.job.phase.status).toBe(status);
  return life;
}
