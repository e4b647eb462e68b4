/**
 * Webhooks of a job: which events are delivered, when a delivery is tried again, and when it is given up.
 * Pure like all of core; a delivery never touches the status of its job.
 */

import type { Decision, Delivery, DeliveryTry, Effect, EventBody, Job, JobEvent } from "./job.ts";
import { redeliverMs } from "./retry.ts";
import { answered, type Step, unchanged } from "./step.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits between tries as Standard Webhooks recommends: ten tries within about three days. */
const SCHEDULE_MS: readonly number[] = [
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

/** Spreads tries by up to a fifth, so that a receiver that comes back is not met by all at once. */
const JITTER = 0.2;

/** A try ends within 15 s; a message whose try was never heard of is sent again after this. */
const UNHEARD_MS = 60 * SECOND;

/** A job that continues for ever must not store deliveries for ever; its final event always has a place. */
const DELIVERIES_MAX = 100;

/** Tries kept per delivery, the last ones: two rounds of the schedule, however often a client asks for another. */
const TRIES_KEPT_MAX = 20;

/** The events a client may have delivered; progress and log lines are for following. */
export const deliverableEvents = [
  "job.queued",
  "job.started",
  "job.attempt_failed",
  "job.continued",
  "job.succeeded",
  "job.failed",
  "job.cancelled",
] as const satisfies readonly EventBody["type"][];
export type DeliverableEvent = (typeof deliverableEvents)[number];

/** Delivered unless the client asked for others. */
export const finalEvents: readonly DeliverableEvent[] = ["job.succeeded", "job.failed", "job.cancelled"];

/** The decision with a delivery for each of its events that the job's webhook asks for. */
export function withDeliveries(decision: Decision, now: number): Decision {
  const { job, events } = decision;
  const wanted = events.filter((event) => isWanted(job, event));
  if (wanted.length === 0) return decision;
  const made = wanted.map(
    (event): Delivery => ({
      id: deliveryId(job, event),
      eventType: event.type,
      eventAt: event.at,
      tried: 0,
      tries: [],
      state: { status: "waiting", step: 0, dueAt: now, sends: 1, nextSendAt: now + UNHEARD_MS },
    }),
  );
  const effects = made.map(({ id }): Effect => ({ type: "deliver", deliveryId: id, attempt: 1 }));
  const deliveries = [...job.deliveries, ...made];
  return { ...decision, job: { ...job, deliveries }, effects: [...decision.effects, ...effects] };
}

function isWanted(job: Job, event: JobEvent): boolean {
  const isAsked = job.webhook?.events.some((type) => type === event.type) ?? false;
  const isFinal = finalEvents.some((type) => type === event.type);
  return isAsked && (isFinal || job.deliveries.length < DELIVERIES_MAX);
}

/** The `webhook-id`: the same for every try of this event, and for no other, also when a key makes its job anew. */
function deliveryId(job: Job, event: JobEvent): string {
  return `msg_${job.id.slice(job.id.indexOf("_") + 1)}_${job.createdAt.toString(36)}_${event.seq}`;
}

/** When the next delivery message goes out; null if no delivery waits. */
export function nextDeliveryAt(job: Job): number | null {
  const times = job.deliveries.flatMap(({ state }) => (state.status === "waiting" ? [state.nextSendAt] : []));
  return times.length === 0 ? null : Math.min(...times);
}

/** Sends the messages of all deliveries that are due, or whose last try was never heard of. */
export function sendDeliveries(job: Job, now: number): Step {
  const due = job.deliveries.filter(({ state }) => state.status === "waiting" && state.nextSendAt <= now);
  const effects = due.map(
    ({ id, tried }): Effect => ({ type: "deliver", deliveryId: id, attempt: tried + 1 }),
  );
  const deliveries = job.deliveries.map((delivery) =>
    due.includes(delivery) ? sent(delivery, now) : delivery,
  );
  return { job: { ...job, deliveries }, events: [], effects };
}

function sent(delivery: Delivery, now: number): Delivery {
  const { state } = delivery;
  if (state.status !== "waiting") return delivery;
  const sends = state.sends + 1;
  return { ...delivery, state: { ...state, sends, nextSendAt: now + redeliverMs(UNHEARD_MS, sends) } };
}

/** The delivery with this id, if its try number `attempt` is awaited. */
export function awaitedDelivery(job: Job, id: string, attempt: number): Delivery | null {
  const delivery = job.deliveries.find((known) => known.id === id);
  const isAwaited = delivery?.state.status === "waiting" && delivery.tried + 1 === attempt;
  return isAwaited ? delivery : null;
}

/** Takes in how try number `attempt` of a delivery went; one that is not awaited changes nothing. */
export function delivered(
  job: Job,
  id: string,
  attempt: number,
  outcome: DeliveryTry,
  now: number,
  random: number,
): Decision {
  const delivery = awaitedDelivery(job, id, attempt);
  if (!delivery) return answered({ ok: false, why: "stale" }, unchanged(job));
  const tries = [...delivery.tries, outcome].slice(-TRIES_KEPT_MAX);
  const state = stateAfter(delivery, outcome, now, random);
  return answered({ ok: true }, replaced(job, { ...delivery, tried: attempt, tries, state }));
}

/** Lets a delivery begin anew, whatever became of it: a try at once, then the schedule from its start. */
export function redelivered(job: Job, id: string, now: number): Decision {
  const delivery = job.deliveries.find((known) => known.id === id);
  if (!delivery) return answered({ ok: false, why: "stale" }, unchanged(job));
  const state = { status: "waiting", step: 0, dueAt: now, sends: 1, nextSendAt: now + UNHEARD_MS } as const;
  const attempt = delivery.tried + 1;
  const effects: Effect[] = [{ type: "deliver", deliveryId: id, attempt }];
  return answered({ ok: true }, { ...replaced(job, { ...delivery, state }), effects });
}

function stateAfter(
  delivery: Delivery,
  outcome: DeliveryTry,
  now: number,
  random: number,
): Delivery["state"] {
  const { status, retryAfterMs } = outcome;
  if (status !== null && status >= 200 && status < 300) return { status: "succeeded" };
  const step = delivery.state.status === "waiting" ? delivery.state.step : 0;
  const plainMs = SCHEDULE_MS[step];
  if (status === 410 || plainMs === undefined) return { status: "failed" };
  const waitMs = Math.round(plainMs * (1 + JITTER * random));
  const dueAt = now + Math.max(waitMs, retryAfterMs ?? 0);
  return { status: "waiting", step: step + 1, dueAt, sends: 0, nextSendAt: dueAt };
}

function replaced(job: Job, delivery: Delivery): Step {
  const deliveries = job.deliveries.map((known) => (known.id === delivery.id ? delivery : known));
  return { job: { ...job, deliveries }, events: [], effects: [] };
}
