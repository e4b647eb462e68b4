/** The second half of the seeds. */

import { expect, test } from "vitest";
import { runSeeds } from "./run-seeds.ts";

test("seeds 251 to 500: → no invariant is violated", async () => {
  expect(await runSeeds(251, 500)).toBeGreaterThan(250);
});
