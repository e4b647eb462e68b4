/** The second half of the worlds; in two files, for files run side by side. */

import { expect, test } from "vitest";
import { runWorlds } from "./worlds.ts";

test("no promise is broken in worlds 1001 to 2000", async () => {
  expect(await runWorlds(1_001, 2_000)).toBeGreaterThan(1_000);
});
