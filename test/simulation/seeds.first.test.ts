/** The first half of the seeds; two files run side by side. */

import { expect, test } from "vitest";
import { runSeeds } from "./run-seeds.ts";

test("seeds 1 to 250: → no invariant is violated", async () => {
  expect(await runSeeds(1, 250)).toBeGreaterThan(250);
});
