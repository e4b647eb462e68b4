/** The simulation finds every mutation, by a seed whose run is clean without it. */

import { beforeAll, expect, test } from "vitest";
import { loadProgram } from "./load.ts";
import { mutations } from "./mutations.ts";
import { openSimulator } from "./simulate.ts";

type Simulator = ReturnType<typeof openSimulator>;

/** Seeds searched when the stored one finds nothing any more. */
const SEARCHED_MAX = 1_000;

let unchanged: Simulator;

beforeAll(async () => {
  unchanged = openSimulator(await loadProgram());
});

test.each(mutations)("mutation: $mutation → found", async ({ patches, seed }) => {
  const simulator = openSimulator(await loadProgram(patches));
  const { violation } = await simulator.simulate(seed);
  if (!violation) expect.fail(await adviseSeed(simulator));
  expect((await unchanged.simulate(seed)).violation).toBeNull();
});

/** Which seed finds the mutation instead, for its record in mutations.ts. */
async function adviseSeed(simulator: Simulator): Promise<string> {
  for (let seed = 1; seed <= SEARCHED_MAX; seed += 1) {
    if ((await simulator.simulate(seed)).violation)
      return `Not found by its seed; store seed ${seed} instead.`;
  }
  return `Not found by seeds 1 to ${SEARCHED_MAX}.`;
}
