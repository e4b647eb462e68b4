/** The first half of the worlds; in two files, for files run side by side. */

import { expect, test } from "vitest";
import { runWorlds } from "./worlds.ts";

test("no promise is broken in worlds 1 to 1000", async () => {
  expect(await runWorlds(1, 1_000)).toBeGreaterThan(1_000);
});
