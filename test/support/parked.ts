/**
 * Messages that tests want to hold in their hands: those of tenants called "parked…" are not run, but kept here.
 * Kept on globalThis, for the Worker under test and the tests load their modules apart.
 */

import type { JobMessage } from "../../src/queue/message.ts";

const shared = globalThis as typeof globalThis & { parkedMessages?: JobMessage[] };
shared.parkedMessages ??= [];
const parked = shared.parkedMessages;

export function isParked(message: unknown): message is JobMessage {
  return (
    typeof message === "object" &&
    message !== null &&
    String((message as JobMessage).tenant).startsWith("parked")
  );
}

export function park(message: JobMessage): void {
  parked.push(message);
}

/** The messages that were sent for this job, in the order they came. */
export function parkedFor(jobId: string): JobMessage[] {
  return parked.filter((message) => message.jobId === jobId);
}
