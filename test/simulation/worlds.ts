/** Many worlds in a test: none of them may break a promise, and the first that does is told with its trace. */

import { loadProgram } from "./load.ts";
import { openSimulator } from "./simulate.ts";
import { tell } from "./tell.ts";

/** Enough to see what led to a broken promise; the rest is shown by replaying the seed. */
const TRACE_LINES = 60;

/** Runs the worlds of these seeds; throws for the first that breaks a promise. Answers how many jobs they had. */
export async function runWorlds(first: number, last: number): Promise<number> {
  const simulator = openSimulator(await loadProgram());
  let jobs = 0;
  for (let seed = first; seed <= last; seed += 1) {
    const result = await simulator.simulate(seed);
    jobs += result.jobs;
    if (result.broken) throw new Error(tell(await simulator.simulate(seed, undefined, TRACE_LINES)));
  }
  return jobs;
}
