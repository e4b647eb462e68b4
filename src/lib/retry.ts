/** Retries a call that may be repeated, if the platform says that repeating helps. */

import { random, sleep } from "./runtime.ts";

/** Five attempts within about 3 s: longer than an object needs to restart, shorter than any lease. */
const RETRY_ATTEMPTS = 5;
const RETRY_FIRST_DELAY_MS = 200;

/** What Cloudflare's errors of calls to objects say. */
type CallError = { retryable?: boolean; overloaded?: boolean };

/**
 * The result of `call`, tried up to five times with growing delays; rejects with the last error. An error is final that
 * is not marked `retryable`, for it would only come again, and one that is marked `overloaded`, for retries make it worse.
 */
export async function withRetry<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === RETRY_ATTEMPTS || !isRetryable(error)) throw error;
      await sleep(jittered(RETRY_FIRST_DELAY_MS * 2 ** (attempt - 1)));
    }
  }
}

/** Half to one and a half times as long, so that what broke together does not come back together. */
export function jittered(ms: number): number {
  return ms * (0.5 + random());
}

function isRetryable(error: unknown): boolean {
  const { retryable, overloaded } = (error ?? {}) as CallError;
  return retryable === true && overloaded !== true;
}
