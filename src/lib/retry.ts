/** Retries a call that may be repeated. */

import { random, sleep } from "./runtime.ts";

/** Five attempts within about 3 s: longer than an object needs to restart, shorter than any lease. */
const RETRY_ATTEMPTS = 5;
const RETRY_FIRST_DELAY_MS = 200;

/** The result of `call`, tried up to five times with growing delays; rejects with the last error. */
export async function withRetry<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === RETRY_ATTEMPTS) throw error;
      await sleep(RETRY_FIRST_DELAY_MS * 2 ** (attempt - 1) * (0.5 + random()));
    }
  }
}
