/** Deliveries of webhooks to test with: jobs that have some, what receivers answer, and the alarm that tries again. */

import { deliverableEvents, terminalEvents } from "../../src/core/deliveries.ts";
import type { Delivery, DeliveryAttempt, Job, Submission } from "../../src/core/job.ts";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import { type Life, startedLife } from "./job-fixtures.ts";

const url = "https://example.com/hook";
/** Submissions whose webhook asks for every event, or for the final ones. */
export const toAll: Partial<Submission> = { webhook: { url, events: deliverableEvents } };
export const toFinal: Partial<Submission> = { webhook: { url, events: terminalEvents } };

export const outcomeOf = (status: number | null, retryAfterMs: number | null = null): DeliveryAttempt => ({
  startedAt: 0,
  status,
  error: status === null ? "timeout" : null,
  durationMs: 12,
  retryAfterMs,
});

/** A job that has succeeded, with one delivery under way. */
export function succeededLife(submission = toFinal): Life {
  const life = startedLife({}, submission);
  life.succeed();
  return life;
}

/** The delivery at this place; throws if there is none. */
export function deliveryIn(job: Job, index = 0): Delivery {
  const delivery = job.deliveries[index];
  if (!delivery) throw new Error("there is no such delivery");
  return delivery;
}

/** Says how the awaited try of the delivery went. */
export function answer(life: Life, outcome: DeliveryAttempt, random = 0) {
  const { id, attemptCount } = deliveryIn(life.job);
  return life.send({ type: "record_delivery", deliveryId: id, attempt: attemptCount + 1, outcome }, random);
}

/** Milliseconds until the delivery is tried again. */
export function waitMs(life: Life): number | null {
  const { state } = deliveryIn(life.job);
  return state.status === "waiting" ? state.dueAt - life.now : null;
}

/** The alarm rings at its time, also of a finished job. */
export function ringOnce(life: Life) {
  life.pass(nextAlarmAt(life.job) - life.now);
  return life.wake();
}

export const deliveriesAskedFor = ({ effects }: Pick<Life, "effects">) =>
  effects.flatMap((effect) => (effect.type === "dispatch_delivery" ? [effect] : []));
