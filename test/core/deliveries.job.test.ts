/** A job and its deliveries: which events are delivered, and that the job minds nothing that becomes of them. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptJob } from "../../src/core/dispatch.ts";
import type { Delivery } from "../../src/core/job.ts";
import { nextDeadline } from "../../src/core/timeouts.ts";
import {
  answer,
  deliveriesAskedFor,
  deliveryIn,
  outcomeOf,
  ringOnce,
  succeededLife,
  toAll,
  toFinal,
} from "./delivery-fixtures.ts";
import {
  DAY,
  deliveryIdOf,
  HOUR,
  type Life,
  lifeOf,
  MINUTE,
  SECOND,
  startedLife,
  submissionOf,
  T0,
} from "./job-fixtures.ts";

describe("an event", () => {
  test("is delivered if it was asked for, with the very change that told it", () => {
    const life = lifeOf({}, toAll);
    life.start();
    life.fail("timeout");
    life.ring().start();
    life.continueRun();
    life.start();
    life.succeed();
    expect(life.job.deliveries.map(({ eventType }) => eventType)).toEqual(
      life.events.map(({ type }) => type),
    );
    expect(deliveriesAskedFor(life)).toEqual(
      life.job.deliveries.map(({ id }) => ({ type: "dispatch_delivery", deliveryId: id, attempt: 1 })),
    );
  });

  test("is not delivered otherwise", () => {
    const life = succeededLife();
    expect(life.job.deliveries.map(({ eventType }) => eventType)).toEqual(["job.succeeded"]);
    expect(startedLife().succeed().job.deliveries).toEqual([]);
  });

  test("of another job has another id", () => {
    const [first] = succeededLife(toAll).job.deliveries;
    const anew = acceptJob(submissionOf(toAll), "job_01def", T0 + 1).job;
    expect(anew.deliveries[0]?.eventType).toBe(first?.eventType);
    expect(anew.deliveries[0]?.id).not.toBe(first?.id);
  });

  test("has an id of its own that names job and event", () => {
    const ids = succeededLife(toAll).job.deliveries.map(({ id }) => id);
    expect(ids).toEqual([1, 2, 3].map(deliveryIdOf));
  });

  test.each([
    ["failed", (life: Life) => life.fail("invalid_input")],
    ["cancelled", (life: Life) => life.cancel()],
  ])("is delivered when the job has %s", (status, end) => {
    const life = startedLife({}, toFinal);
    end(life);
    expect(deliveryIn(life.job)).toMatchObject({ eventType: `job.${status}`, state: { status: "waiting" } });
  });

  test("of a job that continues for ever is no longer delivered after a hundred, but the final one is", () => {
    const life = startedLife({ totalTimeoutMs: DAY }, toAll);
    for (let continuation = 0; continuation < 150; continuation += 1) {
      life.continueRun();
      life.start();
    }
    expect(life.job.deliveries).toHaveLength(100);
    life.succeed();
    expect(life.job.deliveries).toHaveLength(101);
    expect(deliveryIn(life.job, 100).eventType).toBe("job.succeeded");
  });
});

describe("a job", () => {
  test("is not changed by its deliveries in any way a client of it sees", () => {
    const life = succeededLife();
    const { version, updatedAt, phase, lastSeq } = life.job;
    answer(life.pass(SECOND), outcomeOf(500));
    ringOnce(life);
    answer(life, outcomeOf(200));
    expect(life.job).toMatchObject({ version, updatedAt, phase, lastSeq });
  });

  test("wakes for a delivery, also when it has finished, and is still purged at its time", () => {
    const life = startedLife({ retentionMs: HOUR }, toFinal);
    life.succeed();
    expect(nextDeadline(life.job)).toEqual({ at: life.now + MINUTE, kind: "dispatch_delivery" });
    answer(life, outcomeOf(503, DAY));
    expect(nextDeadline(life.job)).toEqual({ at: life.now + HOUR, kind: "purge" });
    const { effects } = ringOnce(life);
    expect(effects).toEqual([{ type: "purge" }]);
  });

  test("is not purged early by an alarm that was meant for a delivery", () => {
    const life = startedLife({ retentionMs: 30 * DAY }, toFinal);
    life.succeed();
    for (let rings = 0; rings < 20; rings += 1) {
      expect(ringOnce(life).effects.map(({ type }) => type)).toEqual(["dispatch_delivery"]);
    }
  });

  test("that slept through a delivery's time and its own purge is purged", () => {
    const life = succeededLife();
    const { effects } = life.pass(31 * DAY).wake();
    expect(effects.map(({ type }) => type)).toEqual(["dispatch_delivery", "purge"]);
  });

  test("ends each delivery by the schedule, whatever comes in whatever order", () => {
    const acts = fc.array(
      fc.record({
        what: fc.constantFrom("answer", "answer", "stale", "alarm", "pass", "redeliver"),
        which: fc.nat(3),
        status: fc.constantFrom(null, 200, 302, 404, 410, 429, 500),
        retryAfterMs: fc.constantFrom(null, 0, HOUR),
        ms: fc.constantFrom(1, SECOND, HOUR),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(acts, (sequence) => {
        const life = startedLife({ retentionMs: 365 * DAY }, toAll);
        life.succeed();
        for (const { what, which, status, retryAfterMs, ms } of sequence) {
          const known = life.job.deliveries[which % 3];
          if (!known) throw new Error("three events, three deliveries");
          const off = what === "stale" ? 0 : 1;
          const isPurgeNext = nextDeadline(life.job).kind === "purge";
          if (what === "alarm" && !isPurgeNext) ringOnce(life);
          else if (what === "pass" || what === "alarm") life.pass(ms);
          else if (what === "redeliver") life.send({ type: "redeliver", deliveryId: known.id });
          else {
            const outcome = outcomeOf(status, retryAfterMs);
            life.send({
              type: "record_delivery",
              deliveryId: known.id,
              attempt: known.attemptCount + off,
              outcome,
            });
          }
        }
        const ended = endAll(life);
        expect(ended.every(({ state }) => state.status !== "waiting")).toBe(true);
        expect(life.job.phase.status).toBe("succeeded");
        expect(nextDeadline(life.job).kind).toBe("purge");
      }),
      { numRuns: 300 },
    );
  });
});

/** A receiver that never accepts answers every message that is still sent; at most ten each, within four days. */
function endAll(life: Life): readonly Delivery[] {
  const until = life.now + 4 * DAY;
  for (let rings = 0; nextDeadline(life.job).kind === "dispatch_delivery"; rings += 1) {
    expect(rings).toBeLessThan(60);
    const { effects } = ringOnce(life);
    for (const { deliveryId, attempt } of deliveriesAskedFor({ effects: [...effects] })) {
      life.send({ type: "record_delivery", deliveryId, attempt, outcome: outcomeOf(500) });
    }
  }
  expect(life.now).toBeLessThanOrEqual(until);
  return life.job.deliveries;
}
