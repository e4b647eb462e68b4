/** Webhooks of a job: when a delivery is tried again, when it is given up, and how it begins anew. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextDeadline } from "../../src/core/timeouts.ts";
import { answer, deliveryIn, outcomeOf, ringOnce, succeededLife, waitMs } from "./delivery-fixtures.ts";
import { deliveryIdOf, HOUR, type Life, MINUTE, SECOND } from "./job-fixtures.ts";

/** Of the final event of the life in these tests. */
const ID = deliveryIdOf(3);

/** The waits of the contract, without jitter. */
const SCHEDULE = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

describe("a delivery", () => {
  test.each([200, 202, 204, 299])("that is answered with %i has succeeded", (status) => {
    const life = succeededLife();
    expect(answer(life, outcomeOf(status)).answer).toEqual({ ok: true });
    expect(deliveryIn(life.job)).toMatchObject({ attemptCount: 1, state: { status: "succeeded" } });
    expect(nextDeadline(life.job).kind).toBe("purge");
  });

  test.each([null, 199, 300, 302, 307, 400, 401, 404, 409, 429, 500, 503])(
    "that is answered with %s is tried again",
    (status) => {
      const life = succeededLife();
      answer(life, outcomeOf(status));
      expect(waitMs(life)).toBe(5 * SECOND);
    },
  );

  test("that is answered with 410 is given up at once", () => {
    const life = succeededLife();
    answer(life, outcomeOf(410));
    expect(deliveryIn(life.job).state).toEqual({ status: "failed" });
    expect(nextDeadline(life.job).kind).toBe("purge");
  });

  test("is tried ten times by the schedule, then given up", () => {
    const life = succeededLife();
    const waits: (number | null)[] = [];
    for (let attempts = 0; attempts < SCHEDULE.length; attempts += 1) {
      answer(life, outcomeOf(500));
      waits.push(waitMs(life));
      const { effects } = ringOnce(life);
      expect(effects).toEqual([{ type: "dispatch_delivery", deliveryId: ID, attempt: attempts + 2 }]);
    }
    expect(waits).toEqual(SCHEDULE);
    answer(life, outcomeOf(500));
    expect(deliveryIn(life.job)).toMatchObject({ attemptCount: 10, state: { status: "failed" } });
    expect(life.job.deliveries[0]?.attempts).toHaveLength(10);
  });

  test("waits up to a fifth longer, by chance", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const life = succeededLife();
        answer(life, outcomeOf(500), random);
        const spread = (waitMs(life) ?? 0) / (5 * SECOND);
        expect(spread).toBeGreaterThanOrEqual(1);
        expect(spread).toBeLessThanOrEqual(1.2);
      }),
      { numRuns: 100 },
    );
  });

  test("leaves a receiver alone for as long as it asked, but never shorter than the schedule", () => {
    const patient = succeededLife();
    answer(patient, outcomeOf(429, HOUR));
    expect(waitMs(patient)).toBe(HOUR);
    const hasty = succeededLife();
    answer(hasty, outcomeOf(503, 0));
    expect(waitMs(hasty)).toBe(5 * SECOND);
  });

  test("of which nothing is heard is sent again, ever more rarely", () => {
    const life = succeededLife();
    const waits: number[] = [];
    for (let rings = 0; rings < 7; rings += 1) {
      const before = life.now;
      const { effects } = ringOnce(life);
      waits.push(life.now - before);
      expect(effects).toEqual([{ type: "dispatch_delivery", deliveryId: ID, attempt: 1 }]);
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15].map((minutes) => minutes * MINUTE));
    answer(life, outcomeOf(204));
    expect(deliveryIn(life.job).state.status).toBe("succeeded");
  });

  test.each([-1, 0, 2])("does not mind a try that is not awaited: %i off", (off) => {
    const life = succeededLife();
    answer(life, outcomeOf(500));
    const { job } = life;
    const late = { type: "record_delivery", deliveryId: deliveryIn(job).id, attempt: 1 + off } as const;
    const decision = life.send({ ...late, outcome: outcomeOf(200) });
    expect(decision).toMatchObject({ answer: { ok: false, reason: "stale" }, events: [], effects: [] });
    expect(life.job).toBe(job);
  });

  test("that has ended does not mind a try either, nor does a job without one", () => {
    const life = succeededLife();
    answer(life, outcomeOf(200));
    const { job } = life;
    expect(answer(life, outcomeOf(500)).job).toBe(job);
    const other = { type: "record_delivery", deliveryId: deliveryIdOf(9), attempt: 1 } as const;
    expect(life.send({ ...other, outcome: outcomeOf(200) }).answer).toEqual({ ok: false, reason: "stale" });
    expect(life.job).toBe(job);
  });
});

describe("a redelivery", () => {
  const redeliver = (life: Life) => life.send({ type: "redeliver", deliveryId: deliveryIn(life.job).id });

  test.each([
    ["has succeeded", 200],
    ["was given up", 410],
    ["waits", 500],
  ])("of what %s is tried at once, and then by the schedule from its start", (_, status) => {
    const life = succeededLife();
    answer(life, outcomeOf(status));
    const { effects, events } = redeliver(life);
    expect({ effects, events }).toEqual({
      effects: [{ type: "dispatch_delivery", deliveryId: ID, attempt: 2 }],
      events: [],
    });
    answer(life, outcomeOf(500));
    expect(waitMs(life)).toBe(5 * SECOND);
    expect(deliveryIn(life.job).attemptCount).toBe(2);
  });

  test("of what has an attempt under way sends nothing more: the attempt is recorded, and the schedule goes on", () => {
    const life = succeededLife();
    answer(life, outcomeOf(500));
    redeliver(life);
    const { job } = life;
    expect(redeliver(life)).toMatchObject({ answer: { ok: true }, effects: [], events: [] });
    expect(life.job).toBe(job);
    answer(life, outcomeOf(200));
    expect(deliveryIn(life.job).attempts.map(({ status }) => status)).toEqual([500, 200]);
  });

  test("of what does not exist changes nothing", () => {
    const life = succeededLife();
    const { job } = life;
    expect(life.send({ type: "redeliver", deliveryId: deliveryIdOf(9) }).answer).toEqual({
      ok: false,
      reason: "stale",
    });
    expect(life.job).toBe(job);
  });

  test("may be asked for as often as one likes: the last twenty tries are kept, and counted on", () => {
    const life = succeededLife();
    for (let attempts = 1; attempts <= 50; attempts += 1) {
      answer(life, outcomeOf(500 + attempts));
      redeliver(life);
    }
    const { attemptCount, attempts } = deliveryIn(life.job);
    expect(attemptCount).toBe(50);
    expect(attempts.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, (_, n) => 531 + n));
    expect(answer(life, outcomeOf(200)).answer).toEqual({ ok: true });
  });
});
