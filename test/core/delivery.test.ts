/** Webhooks of a job: what is delivered, when it is tried again, when it is given up, and that no job minds. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deliverableEvents, finalEvents } from "../../src/core/delivery.ts";
import type { Delivery, DeliveryTry, Job, Submission } from "../../src/core/job.ts";
import { nextDeadline, nextWakeup } from "../../src/core/wakeup.ts";
import { DAY, HOUR, type Life, lifeOf, MINUTE, SECOND, startedLife } from "./jobs.ts";

const url = "https://example.com/hook";
const toAll: Partial<Submission> = { webhook: { url, events: deliverableEvents } };
const toFinal: Partial<Submission> = { webhook: { url, events: finalEvents } };

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

const outcomeOf = (status: number | null, retryAfterMs: number | null = null): DeliveryTry => ({
  at: 0,
  status,
  error: status === null ? "timeout" : null,
  durationMs: 12,
  retryAfterMs,
});

/** A job that has succeeded, with one delivery under way. */
function succeededLife(submission = toFinal): Life {
  const life = startedLife({}, submission);
  life.succeed();
  return life;
}

function deliveryIn(job: Job, index = 0): Delivery {
  const delivery = job.deliveries[index];
  if (!delivery) throw new Error("there is no such delivery");
  return delivery;
}

/** Says how the awaited try of the delivery went. */
function answer(life: Life, outcome: DeliveryTry, random = 0) {
  const { id, tried } = deliveryIn(life.job);
  return life.send({ type: "delivered", deliveryId: id, attempt: tried + 1, outcome }, random);
}

/** Milliseconds until the delivery is tried again. */
function waitMs(life: Life): number | null {
  const { state } = deliveryIn(life.job);
  return state.status === "waiting" ? state.dueAt - life.now : null;
}

/** The alarm rings at its time, also of a finished job. */
function ringOnce(life: Life) {
  life.pass(nextWakeup(life.job) - life.now);
  return life.wake();
}

const deliveriesAskedFor = ({ effects }: Pick<Life, "effects">) =>
  effects.flatMap((effect) => (effect.type === "deliver" ? [effect] : []));

describe("an event", () => {
  test("is delivered if it was asked for, with the very change that told it", () => {
    const life = lifeOf({}, toAll);
    life.start();
    life.fail("timeout");
    life.ring().start();
    life.continueLater();
    life.start();
    life.succeed();
    expect(life.job.deliveries.map(({ eventType }) => eventType)).toEqual(
      life.events.map(({ type }) => type),
    );
    expect(deliveriesAskedFor(life)).toEqual(
      life.job.deliveries.map(({ id }) => ({ type: "deliver", deliveryId: id, attempt: 1 })),
    );
  });

  test("is not delivered otherwise", () => {
    const life = succeededLife();
    expect(life.job.deliveries.map(({ eventType }) => eventType)).toEqual(["job.succeeded"]);
    expect(startedLife().succeed().job.deliveries).toEqual([]);
  });

  test("has an id of its own that names job and event", () => {
    const ids = succeededLife(toAll).job.deliveries.map(({ id }) => id);
    expect(ids).toEqual(["msg_01abc_1", "msg_01abc_2", "msg_01abc_3"]);
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
    const life = startedLife({ timeLimitMs: DAY }, toAll);
    for (let slice = 0; slice < 150; slice += 1) {
      life.continueLater();
      life.start();
    }
    expect(life.job.deliveries).toHaveLength(100);
    life.succeed();
    expect(life.job.deliveries).toHaveLength(101);
    expect(deliveryIn(life.job, 100).eventType).toBe("job.succeeded");
  });
});

describe("a delivery", () => {
  test.each([200, 202, 204, 299])("that is answered with %i has succeeded", (status) => {
    const life = succeededLife();
    expect(answer(life, outcomeOf(status)).answer).toEqual({ ok: true });
    expect(deliveryIn(life.job)).toMatchObject({ tried: 1, state: { status: "succeeded" } });
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
    for (let tries = 0; tries < SCHEDULE.length; tries += 1) {
      answer(life, outcomeOf(500));
      waits.push(waitMs(life));
      const { effects } = ringOnce(life);
      expect(effects).toEqual([{ type: "deliver", deliveryId: "msg_01abc_3", attempt: tries + 2 }]);
    }
    expect(waits).toEqual(SCHEDULE);
    answer(life, outcomeOf(500));
    expect(deliveryIn(life.job)).toMatchObject({ tried: 10, state: { status: "failed" } });
    expect(life.job.deliveries[0]?.tries).toHaveLength(10);
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
      expect(effects).toEqual([{ type: "deliver", deliveryId: "msg_01abc_3", attempt: 1 }]);
    }
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15].map((minutes) => minutes * MINUTE));
    answer(life, outcomeOf(204));
    expect(deliveryIn(life.job).state.status).toBe("succeeded");
  });

  test.each([-1, 0, 2])("does not mind a try that is not awaited: %i off", (off) => {
    const life = succeededLife();
    answer(life, outcomeOf(500));
    const { job } = life;
    const late = { type: "delivered", deliveryId: deliveryIn(job).id, attempt: 1 + off } as const;
    const decision = life.send({ ...late, outcome: outcomeOf(200) });
    expect(decision).toMatchObject({ answer: { ok: false, why: "stale" }, events: [], effects: [] });
    expect(life.job).toBe(job);
  });

  test("that has ended does not mind a try either, nor does a job without one", () => {
    const life = succeededLife();
    answer(life, outcomeOf(200));
    const { job } = life;
    expect(answer(life, outcomeOf(500)).job).toBe(job);
    const other = { type: "delivered", deliveryId: "msg_01abc_9", attempt: 1 } as const;
    expect(life.send({ ...other, outcome: outcomeOf(200) }).answer).toEqual({ ok: false, why: "stale" });
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
      effects: [{ type: "deliver", deliveryId: "msg_01abc_3", attempt: 2 }],
      events: [],
    });
    answer(life, outcomeOf(500));
    expect(waitMs(life)).toBe(5 * SECOND);
    expect(deliveryIn(life.job).tried).toBe(2);
  });

  test("of what does not exist changes nothing", () => {
    const life = succeededLife();
    const { job } = life;
    expect(life.send({ type: "redeliver", deliveryId: "msg_01abc_9" }).answer).toEqual({
      ok: false,
      why: "stale",
    });
    expect(life.job).toBe(job);
  });

  test("may be asked for as often as one likes: the last twenty tries are kept, and counted on", () => {
    const life = succeededLife();
    for (let tries = 1; tries <= 50; tries += 1) {
      answer(life, outcomeOf(500 + tries));
      redeliver(life);
    }
    const { tried, tries } = deliveryIn(life.job);
    expect(tried).toBe(50);
    expect(tries.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, (_, n) => 531 + n));
    expect(answer(life, outcomeOf(200)).answer).toEqual({ ok: true });
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
    expect(nextDeadline(life.job)).toEqual({ at: life.now + MINUTE, kind: "deliver" });
    answer(life, outcomeOf(503, DAY));
    expect(nextDeadline(life.job)).toEqual({ at: life.now + HOUR, kind: "purge" });
    const { effects } = ringOnce(life);
    expect(effects).toEqual([{ type: "purge" }]);
  });

  test("is not purged early by an alarm that was meant for a delivery", () => {
    const life = startedLife({ retentionMs: 30 * DAY }, toFinal);
    life.succeed();
    for (let rings = 0; rings < 20; rings += 1) {
      expect(ringOnce(life).effects.map(({ type }) => type)).toEqual(["deliver"]);
    }
  });

  test("that slept through a delivery's time and its own purge is purged", () => {
    const life = succeededLife();
    const { effects } = life.pass(31 * DAY).wake();
    expect(effects.map(({ type }) => type)).toEqual(["deliver", "purge"]);
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
            life.send({ type: "delivered", deliveryId: known.id, attempt: known.tried + off, outcome });
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
  for (let rings = 0; nextDeadline(life.job).kind === "deliver"; rings += 1) {
    expect(rings).toBeLessThan(60);
    const { effects } = ringOnce(life);
    for (const { deliveryId, attempt } of deliveriesAskedFor({ effects: [...effects] })) {
      life.send({ type: "delivered", deliveryId, attempt, outcome: outcomeOf(500) });
    }
  }
  expect(life.now).toBeLessThanOrEqual(until);
  return life.job.deliveries;
}
