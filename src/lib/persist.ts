/** Repeats a call that may be repeated, for as long as it may help. */

import { pause, random } from "./world.ts";

/** Five tries within about 3 s: longer than an object takes to restart, shorter than any lease. */
const TRIES = 5;
const FIRST_PAUSE_MS = 200;

/** The answer of `call`, tried up to five times with growing pauses; rejects with the last error. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt === TRIES) throw error;
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + random()));
    }
  }
}
