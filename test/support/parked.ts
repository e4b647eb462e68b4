/**
 * Messages that tests want to hold in their hands: those of tenants called "parked…" are not run, but kept here.
 * Kept on globalThis, for the Worker under test and the tests load their modules apart.
 */

import type { DeliveryMessage, JobMessage, WakeMessage } from "../../src/transport/message.ts";

type Parked = JobMessage | DeliveryMessage | WakeMessage;

const shared = globalThis as typeof globalThis & { parkedMessages?: Parked[] };
shared.parkedMessages ??= [];
const parked = shared.parkedMessages;

export function isParked(message: unknown): message is Parked {
  return (
    typeof message === "object" && message !== null && String((message as Parked).tenant).startsWith("parked")
  );
}

export function park(message: Parked): void {
  parked.push(message);
}

/** The messages that were sent for this job, in the order they came. */
export function parkedFor(jobId: string): JobMessage[] {
  return parked.filter((message) => "continuation" in message && message.jobId === jobId) as JobMessage[];
}

/** The messages that were sent for this job's deliveries, in the order they came. */
export function parkedDeliveries(jobId: string): DeliveryMessage[] {
  return parked.filter((message) => "deliveryId" in message && message.jobId === jobId) as DeliveryMessage[];
}

/** The wake calls for a queue. */
export function parkedWakes(queue: string): WakeMessage[] {
  return parked.filter((message) => "url" in message && message.queue === queue) as WakeMessage[];
}
