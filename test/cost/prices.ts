/** Cloudflare's list prices of November 2026, US$ per million, beyond what a plan includes. */

import type { Counts } from "./meter.ts";

const prices: Record<keyof Counts, number> = {
  workerRequests: 0.3,
  objectRequests: 0.15,
  rowsWritten: 1,
  rowsRead: 0.001,
  queueOperations: 0.4,
};

/** An object is billed while it is awake. No wrapper sees how long; this is what a call is taken to keep it awake. */
const AWAKE_SECONDS_PER_CALL = 0.01;
const AWAKE_SECOND = 1.6;

/** Seconds that objects are awake for these calls. */
export function secondsAwake({ objectRequests }: Counts): number {
  return objectRequests * AWAKE_SECONDS_PER_CALL;
}

/** What a million such lives cost, in US$. */
export function priceOf(counts: Counts): number {
  const names = Object.keys(prices) as (keyof Counts)[];
  const counted = names.reduce((sum, name) => sum + counts[name] * prices[name], 0);
  return counted + secondsAwake(counts) * AWAKE_SECOND;
}
