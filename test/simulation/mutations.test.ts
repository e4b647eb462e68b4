/** The simulation bites: every planted bug is found, in a world that is sound without it. */

import { beforeAll, describe, expect, test } from "vitest";
import { loadProgram } from "./load.ts";
import { mutations } from "./mutations.ts";
import { openSimulator } from "./simulate.ts";

type Simulator = ReturnType<typeof openSimulator>;

let sound: Simulator;

beforeAll(async () => {
  sound = openSimulator(await loadProgram());
});

describe("found within its number of worlds:", () => {
  test.each(mutations)("$bug", async ({ patches, within }) => {
    const simulator = openSimulator(await loadProgram(patches));
    const seed = await firstBroken(simulator, within);
    expect(seed).toBeLessThanOrEqual(within);
    expect((await sound.simulate(seed)).broken).toBeNull();
  });
});

/** The first seed whose world breaks a promise; one more than `last` if there is none. */
async function firstBroken(simulator: Simulator, last: number): Promise<number> {
  let seed = 1;
  while (seed <= last && !(await simulator.simulate(seed)).broken) seed += 1;
  return seed;
}
