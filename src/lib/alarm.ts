/** The one alarm of an object, as cheap as it can be: setting it is a row written, so it is set only when it must be. */

import { now } from "./runtime.ts";

/**
 * The alarm of the object whose context this is. Every time is epoch milliseconds. `isNew` says that the object has
 * stored nothing yet: then no alarm is looked up.
 */
export function openAlarm(ctx: DurableObjectState, isNew = false) {
  let setTo: number | null = null;
  if (!isNew)
    ctx.blockConcurrencyWhile(async () => {
      setTo = await ctx.storage.getAlarm();
    });

  /**
   * Whether no alarm is set, or the set one should have fired: the platform gives up after six failures, for example of
   * a broken deployment. To set one again that is only late costs a row; to trust one that is lost would cost the job.
   */
  function isLost(): boolean {
    return setTo === null || setTo < now();
  }

  function set(at: number): void {
    setTo = at;
    void ctx.storage.setAlarm(at);
  }

  return {
    isLost,
    set,
    /** Makes it fire at `at` or before. An alarm that fires too early finds nothing due and is set again. */
    fireBy(at: number): void {
      if (isLost() || (setTo !== null && at < setTo)) set(at);
    },
    /** Must be called first when the alarm fires, and after the storage was deleted. */
    clear(): void {
      setTo = null;
    },
  };
}
