/** A seed determines the whole run. */

import { expect, test } from "vitest";
import { describeRun } from "./describe-run.ts";
import { loadProgram } from "./load.ts";
import { openSimulator } from "./simulate.ts";

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

test("a seed: run twice, alone or after others → the same events", async () => {
  const program = await loadProgram();
  const once = openSimulator(program);
  const hashes: string[] = [];
  for (const seed of SEEDS) hashes.push((await once.simulate(seed)).hash);
  expect(new Set(hashes).size).toBe(SEEDS.length);

  const backwards = openSimulator(program);
  const again: string[] = [];
  for (const seed of SEEDS.toReversed()) again.unshift((await backwards.simulate(seed, undefined, 10)).hash);
  expect(again).toEqual(hashes);
});

test("a violation: → its description names the invariant, the faults, the trace and the replay command", async () => {
  const find = "attempts: [...job.attempts, begun],";
  const patch = {
    file: "src/core/transition.ts",
    find,
    replace: "attempts: [...job.attempts, begun, begun],",
  };
  const simulator = openSimulator(await loadProgram([patch]));
  const result = await simulator.simulate(1, undefined, 20);
  expect(result).toMatchObject({
    seed: 1,
    violation: { invariant: expect.any(String), message: expect.any(String) },
  });
  const words = describeRun(result);
  expect(words).toContain(`VIOLATED: ${result.violation?.invariant}`);
  expect(words).toContain("npm run simulate -- --seed 1");
  expect(words).toContain(`faults: ${result.faults}`);
  expect(await simulator.simulate(1, undefined, 20)).toEqual(result);
});

test("a patch: does not fit the source → loading fails", async () => {
  const patch = { file: "src/objects/job/object.ts", find: "what is not in the file", replace: "" };
  await expect(loadProgram([patch])).rejects.toThrow("0 places to patch");
  await expect(loadProgram([{ ...patch, file: "src/nowhere.ts" }])).rejects.toThrow(
    "not part of the program",
  );
});
