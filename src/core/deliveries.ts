/**
 * Webhooks of a job: which events are delivered, when a delivery is retried, and when it has failed. A delivery
 * never changes the status of its job.
 */

import { type Change, decide, noChange } from "./change.ts";
import type { Decision, Delivery, DeliveryAttempt, Effect, EventBody, Job, JobEvent } from "./job.ts";
import { dispatchDelayMs } from "./retry.ts";
import { HOUR, MINUTE, SECOND } from "./time.ts";

/** Waits between attempts as Standard Webhooks recommends: ten attempts within about three days. */
const DELIVERY_SCHEDULE_MS: readonly number[] = [
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

/** Spreads attempts by up to a fifth, so that a receiver that comes back is not flooded. */
const DELIVERY_JITTER = 0.2;

/**
 * An attempt ends within 15 s. If its outcome is not recorded by then, the message is dispatched again after this.
 */
const DELIVERY_DISPATCH_TIMEOUT_MS = 60 * SECOND;

/** Bounds the deliveries of a job that continues without end. Its terminal event is always delivered. */
const DELIVERIES_MAX = 100;

/** Attempts kept per delivery, the latest ones: two rounds of the schedule. */
const DELIVERY_ATTEMPTS_KEPT_MAX = 20;

/** The events a webhook may ask for. Progress and log lines are only streamed. */
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
export const terminalEvents: readonly DeliverableEvent[] = ["job.succeeded", "job.failed", "job.cancelled"];

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
      attemptCount: 0,
      attempts: [],
      state: {
        status: "waiting",
        step: 0,
        dueAt: now,
        dispatches: 1,
        nextDispatchAt: now + DELIVERY_DISPATCH_TIMEOUT_MS,
      },
    }),
  );
  const effects = made.map(({ id }): Effect => ({ type: "dispatch_delivery", deliveryId: id, attempt: 1 }));
  const deliveries = [...job.deliveries, ...made];
  return { ...decision, job: { ...job, deliveries }, effects: [...decision.effects, ...effects] };
}

function isWanted(job: Job, event: JobEvent): boolean {
  const isAsked = job.webhook?.events.some((type) => type === event.type) ?? false;
  const isFinal = terminalEvents.some((type) => type === event.type);
  return isAsked && (isFinal || job.deliveries.length < DELIVERIES_MAX);
}

/** The `webhook-id`: the same for every attempt of this event, and for no other event. */
function deliveryId(job: Job, event: JobEvent): string {
  return `msg_${job.id.slice(job.id.indexOf("_") + 1)}_${event.seq}`;
}

/** When the next delivery message goes out; null if no delivery waits. */
export function nextDeliveryAt(job: Job): number | null {
  const times = job.deliveries.flatMap(({ state }) =>
    state.status === "waiting" ? [state.nextDispatchAt] : [],
  );
  return times.length === 0 ? null : Math.min(...times);
}

/** Dispatches the messages of all deliveries that are due, or whose last attempt was not recorded in time. */
export function dispatchDeliveries(job: Job, now: number): Change {
  const due = job.deliveries.filter(({ state }) => state.status === "waiting" && state.nextDispatchAt <= now);
  const effects = due.map(
    ({ id, attemptCount }): Effect => ({
      type: "dispatch_delivery",
      deliveryId: id,
      attempt: attemptCount + 1,
    }),
  );
  const deliveries = job.deliveries.map((delivery) =>
    due.includes(delivery) ? markDispatched(delivery, now) : delivery,
  );
  return { job: { ...job, deliveries }, events: [], effects };
}

function markDispatched(delivery: Delivery, now: number): Delivery {
  const { state } = delivery;
  if (state.status !== "waiting") return delivery;
  const dispatches = state.dispatches + 1;
  return {
    ...delivery,
    state: {
      ...state,
      dispatches,
      nextDispatchAt: now + dispatchDelayMs(DELIVERY_DISPATCH_TIMEOUT_MS, dispatches),
    },
  };
}

/** The delivery with this id, if its attempt number `attempt` is awaited. */
export function findAwaitedDelivery(job: Job, id: string, attempt: number): Delivery | null {
  const delivery = job.deliveries.find((known) => known.id === id);
  const isAwaited = delivery?.state.status === "waiting" && delivery.attemptCount + 1 === attempt;
  return isAwaited ? delivery : null;
}

/** Records the outcome of attempt number `attempt`; an attempt that is not awaited changes nothing. */
export function recordDelivery(
  job: Job,
  id: string,
  attempt: number,
  outcome: DeliveryAttempt,
  now: number,
  random: number,
): Decision {
  const delivery = findAwaitedDelivery(job, id, attempt);
  if (!delivery) return decide({ ok: false, reason: "stale" }, noChange(job));
  const attempts = [...delivery.attempts, outcome].slice(-DELIVERY_ATTEMPTS_KEPT_MAX);
  const state = nextDeliveryState(delivery, outcome, now, random);
  return decide({ ok: true }, replaceDelivery(job, { ...delivery, attemptCount: attempt, attempts, state }));
}

/**
 * Restarts a delivery: an attempt at once, then the schedule from its start. While an attempt is under way nothing
 * changes, so that the list has every attempt that was made.
 */
export function restartDelivery(job: Job, id: string, now: number): Decision {
  const delivery = job.deliveries.find((known) => known.id === id);
  if (!delivery) return decide({ ok: false, reason: "stale" }, noChange(job));
  const isUnderWay = delivery.state.status === "waiting" && delivery.state.dispatches > 0;
  if (isUnderWay) return decide({ ok: true }, noChange(job));
  const state = {
    status: "waiting",
    step: 0,
    dueAt: now,
    dispatches: 1,
    nextDispatchAt: now + DELIVERY_DISPATCH_TIMEOUT_MS,
  } as const;
  const attempt = delivery.attemptCount + 1;
  const effects: Effect[] = [{ type: "dispatch_delivery", deliveryId: id, attempt }];
  return decide({ ok: true }, { ...replaceDelivery(job, { ...delivery, state }), effects });
}

function nextDeliveryState(
  delivery: Delivery,
  outcome: DeliveryAttempt,
  now: number,
  random: number,
): Delivery["state"] {
  const { status, retryAfterMs } = outcome;
  if (status !== null && status >= 200 && status < 300) return { status: "succeeded" };
  const step = delivery.state.status === "waiting" ? delivery.state.step : 0;
  const plainMs = DELIVERY_SCHEDULE_MS[step];
  if (status === 410 || plainMs === undefined) return { status: "failed" };
  const waitMs = Math.round(plainMs * (1 + DELIVERY_JITTER * random));
  const dueAt = now + Math.max(waitMs, retryAfterMs ?? 0);
  return { status: "waiting", step: step + 1, dueAt, dispatches: 0, nextDispatchAt: dueAt };
}

function replaceDelivery(job: Job, delivery: Delivery): Change {
  const deliveries = job.deliveries.map((known) => (known.id === delivery.id ? delivery : known));
  return { job: { ...job, deliveries }, events: [], effects: [] };
}
