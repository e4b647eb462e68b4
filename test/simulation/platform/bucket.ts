/** The bucket of files: it answers late or with an error, and then may have done what it was asked to, or not. */

import { leave, runningProcess } from "./process.ts";
import { type Simulation, travelMs } from "./simulation.ts";

export type Bucket = ReturnType<typeof openBucket>;

/** An empty bucket. */
export function openBucket(simulation: Simulation) {
  const { clock, faults, random } = simulation;
  const keys = new Set<string>();

  function call(what: string, act: () => void): Promise<void> {
    const caller = runningProcess();
    return new Promise((resolve, reject) => {
      leave(caller, () => {
        const isFailed = faults.occurs("storeFailed");
        const isDone = !isFailed || random.chance(0.5);
        clock.schedule(travelMs(simulation), `bucket ${what}${isFailed ? ": failed" : ""}`, () => {
          if (isDone) act();
          if (caller.isDead) return;
          if (isFailed) reject(new Error("The bucket failed."));
          else resolve();
        });
      });
    });
  }

  return {
    /** The keys that have bytes. */
    keys: keys as ReadonlySet<string>,
    /** The binding; the files of the simulation fit into one `put`. */
    binding: {
      put: (key: string) => call(`put ${key}`, () => void keys.add(key)),
      delete: (given: string | readonly string[]) =>
        call(`delete ${given}`, () => {
          for (const key of [given].flat()) keys.delete(key);
        }),
    },
  };
}
