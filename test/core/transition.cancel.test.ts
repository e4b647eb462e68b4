/** What cancelling means for the job and for the code that runs, and what becomes of words that come too late. */

import { describe, expect, test } from "vitest";
import { countOf, lifeOf, progressOf, reportOf, SECOND, startedLife, T0 } from "./job-fixtures.ts";

describe("a cancelled job", () => {
  test("is acknowledged at once if nothing was running", () => {
    const life = lifeOf().pass(SECOND);
    life.cancel("changed my mind");
    expect(life.job.phase).toMatchObject({
      reason: "requested",
      cancellation: {
        by: "client",
        reason: "changed my mind",
        requestedAt: T0 + SECOND,
        acknowledgedAt: T0 + SECOND,
      },
    });
  });

  test("is acknowledged only when the running code has stopped", () => {
    const life = startedLife();
    life.cancel();
    expect(life.job).toMatchObject({
      phase: { cancellation: { acknowledgedAt: null } },
      attempts: [{ status: "cancelled", finishedAt: T0 }],
    });
    life.pass(SECOND).acknowledge();
    expect(life.job.phase).toMatchObject({ finishedAt: T0, cancellation: { acknowledgedAt: T0 + SECOND } });
    expect(countOf(life.events, "job.cancelled")).toBe(1);
  });

  test("keeps the attempts that had ended before as they were", () => {
    const life = startedLife();
    life.fail("timeout");
    life.cancel();
    expect(life.job.attempts).toMatchObject([{ status: "failed" }]);
  });

  test("stays as it is when cancelled again", () => {
    const life = lifeOf();
    const { job } = life.cancel("first");
    expect(life.pass(SECOND).cancel("second").job).toBe(job);
  });
});

describe("a late word", () => {
  test("of an attempt that was taken for lost is refused and changes nothing", () => {
    const life = startedLife().ring(T0 + 32 * SECOND);
    const lost = life.lease;
    life.start();
    const { job } = life;
    const late = life.send({ type: "succeed", lease: lost, report: reportOf(progressOf(1)), result: null });
    expect(late).toEqual({ answer: { ok: false, reason: "stale" }, job, events: [], effects: [] });
    expect(late.job).toBe(job);
  });

  test("of a cancelled attempt is told that it was cancelled, until it has acknowledged", () => {
    const life = startedLife();
    life.cancel();
    expect(life.succeed().answer).toEqual({ ok: false, reason: "cancelled" });
    life.acknowledge();
    expect(life.succeed().answer).toEqual({ ok: false, reason: "stale" });
  });
});
