/** Cloudflare's list prices of December 2026, US$ per million, beyond what a plan includes. */

import type { Counts } from "./meter.ts";

const GIGABYTE = 1e9;

const prices: Record<keyof Counts, number> = {
  workerRequests: 0.3,
  objectRequests: 0.15,
  socketMessages: 0.15 / 20,
  rowsWritten: 1,
  rowsRead: 0.001,
  queueOperations: 0.4,
  byteMonths: (0.2 * 1e6) / GIGABYTE,
  logBytes: (0.25 * 1e6) / GIGABYTE,
};

/** An invocation of the Worker takes as much CPU as a POST does on the test machine (`npm run bench`), in ms. */
const CPU_MS_PER_WORKER_REQUEST = 3;
const CPU_MS = 0.02;

/** An object is billed while it is awake: so long for a call, as far as it is known, and for a message, which waits for nothing. */
const AWAKE_SECONDS_PER_CALL = 0.01;
const AWAKE_SECONDS_PER_MESSAGE = 0.002;
const AWAKE_SECOND = 1.6;

/** Seconds that objects are awake for these calls. */
export function secondsAwake(counts: Counts, secondsPerCall = AWAKE_SECONDS_PER_CALL): number {
  return counts.objectRequests * secondsPerCall + counts.socketMessages * AWAKE_SECONDS_PER_MESSAGE;
}

/** What a million such lives cost, in US$. */
export function priceOf(counts: Counts, secondsPerCall = AWAKE_SECONDS_PER_CALL): number {
  const names = Object.keys(prices) as (keyof Counts)[];
  const counted = names.reduce((sum, name) => sum + counts[name] * prices[name], 0);
  const cpu = counts.workerRequests * CPU_MS_PER_WORKER_REQUEST * CPU_MS;
  return counted + cpu + secondsAwake(counts, secondsPerCall) * AWAKE_SECOND;
}
