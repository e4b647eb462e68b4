/** A deploy under load: objects of the code before this one beside this Worker, and the other way round. */

import { expect, test } from "vitest";
import { loadCommit, previousCommit } from "./previous.ts";
import { runSeeds } from "./run-seeds.ts";

const commit = previousCommit();

test.skipIf(commit === null).each(["objects", "worker"] as const)(
  "deploy: %s of the code before → no invariant is violated",
  async (older) => {
    const program = await loadCommit(String(commit));
    expect(await runSeeds(1, 200, { program, older })).toBeGreaterThan(200);
  },
);
