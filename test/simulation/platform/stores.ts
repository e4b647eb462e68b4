/**
 * The file store and the database as this world has them: empty. The jobs of the simulation keep nothing there, but
 * every purge asks, and may be told that the store is out of order.
 */

import { leave, runningProcess } from "./process.ts";
import { type Simulation, travelMs } from "./simulation.ts";

/** The bindings `FILES` and `DATA`. */
export function openStores(simulation: Simulation) {
  const { clock, faults } = simulation;

  function answer<T>(value: T): Promise<T> {
    const caller = runningProcess();
    return new Promise((resolve, reject) => {
      leave(caller, () => {
        const isFailed = faults.occurs("storeFailed");
        clock.schedule(travelMs(simulation), isFailed ? "store failed" : "store answered", () => {
          if (caller.isDead) return;
          if (isFailed) reject(new Error("D1_ERROR: internal error"));
          else resolve(value);
        });
      });
    });
  }

  const nothing = { results: [], meta: { changes: 0 } };
  const statement = {
    bind: () => statement,
    all: () => answer(nothing),
    run: () => answer(nothing),
    first: () => answer(null),
    raw: () => answer([]),
  };
  return {
    FILES: { delete: () => answer(undefined) },
    DATA: {
      prepare: () => statement,
      batch: (statements: unknown[]) => answer(statements.map(() => nothing)),
    },
  };
}
