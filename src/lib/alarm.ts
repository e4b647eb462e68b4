/** The one alarm of an object, as cheap as it can be: setting it is a row written, so it is set only when it must be. */

import { now } from "./runtime.ts";

/** An alarm this late was lost: the platform gives up after six failures, for example of a broken deployment. */
const LOST_MS = 10 * 60_000;

/** The alarm of the object whose context this is. Every time is epoch milliseconds. */
export function openAlarm(ctx: DurableObjectState) {
  let setTo: number | null = null;
  ctx.blockConcurrencyWhile(async () => {
    setTo = await ctx.storage.getAlarm();
  });

  /** Set, but never rung; or not set at all. */
  function isLost(): boolean {
    return setTo === null || setTo < now() - LOST_MS;
  }

  function set(at: number): void {
    setTo = at;
    void ctx.storage.setAlarm(at);
  }

  return {
    isLost,
    set,
    /** Sees to it that it rings at `at` or before; one that rings too early finds nothing due and sets itself. */
    fireBy(at: number): void {
      if (isLost() || (setTo !== null && at < setTo)) set(at);
    },
    /** To be called first thing when it rings, or when the storage has been erased. */
    clear(): void {
      setTo = null;
    },
  };
}
