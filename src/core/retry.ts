/** The arithmetic of trying again: how long to wait before an attempt, and before repeating a queue message. */

import type { Backoff } from "./job.ts";

/** 2 s, doubling, at most 15 minutes: quick for a hiccup, rare for an outage. */
export const defaultBackoff: Backoff = { firstMs: 2_000, factor: 2, capMs: 15 * 60_000 };

/** Spreads retries by up to a fifth, so that jobs that failed together do not come back together. */
const RETRY_JITTER = 0.2;

/** An unclaimed message is dispatched again at most after this. */
const DISPATCH_DELAY_MAX_MS = 15 * 60_000;

/**
 * Milliseconds from the failure of attempt `attempt` (1 for the first) to the next one.
 * `retryAfterMs` is the least the failed party asked for; `random` is in [0, 1).
 */
export function backoffMs(
  backoff: Backoff,
  attempt: number,
  retryAfterMs: number | null,
  random: number,
): number {
  const plainMs = Math.min(backoff.firstMs * backoff.factor ** (attempt - 1), backoff.capMs);
  const spreadMs = plainMs * RETRY_JITTER * random;
  return Math.round(Math.max(plainMs - spreadMs, (retryAfterMs ?? 0) + spreadMs));
}

/** Milliseconds until a message that was sent `sends` times is sent again. */
export function dispatchDelayMs(firstMs: number, dispatches: number): number {
  return Math.min(firstMs * 2 ** Math.max(0, dispatches - 1), DISPATCH_DELAY_MAX_MS);
}
