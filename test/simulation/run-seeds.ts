/** Many runs in a test: none may violate an invariant; the first that does is described with its trace. */

import { describeRun } from "./describe-run.ts";
import { loadProgram } from "./load.ts";
import { openSimulator, type Previous } from "./simulate.ts";

/** Enough to see what led to the violation; replaying the seed shows the rest. */
const TRACE_LINES = 60;

/** Runs the seeds from `first` to `last` and returns how many jobs they had. Throws for the first violation. */
export async function runSeeds(first: number, last: number, previous?: Previous): Promise<number> {
  const simulator = openSimulator(await loadProgram(), previous);
  let jobs = 0;
  for (let seed = first; seed <= last; seed += 1) {
    const result = await simulator.simulate(seed);
    jobs += result.jobs;
    if (result.violation)
      throw new Error(describeRun(await simulator.simulate(seed, undefined, TRACE_LINES)));
  }
  return jobs;
}
