/** A seed is a world: the same one each time, alone or after others, recorded or not. */

import { expect, test } from "vitest";
import { loadProgram } from "./load.ts";
import { openSimulator } from "./simulate.ts";
import { tell } from "./tell.ts";

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

test("everything that happens follows from the seed", async () => {
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

test("a world that breaks a promise says which, with its faults, its end and how to see it again", async () => {
  const find = "attempts: [...job.attempts, begun],";
  const patch = {
    file: "src/core/transition.ts",
    find,
    replace: "attempts: [...job.attempts, begun, begun],",
  };
  const simulator = openSimulator(await loadProgram([patch]));
  const broken = await simulator.simulate(1, undefined, 20);
  expect(broken).toMatchObject({ seed: 1, broken: { promise: expect.any(String), how: expect.any(String) } });
  const words = tell(broken);
  expect(words).toContain(`BROKEN: ${broken.broken?.promise}`);
  expect(words).toContain("npm run simulate -- --seed 1");
  expect(words).toContain(`faults: ${broken.faults}`);
  expect(await simulator.simulate(1, undefined, 20)).toEqual(broken);
});

test("a patch that does not fit the source is no program", async () => {
  const patch = { file: "src/job/object.ts", find: "what nobody wrote", replace: "" };
  await expect(loadProgram([patch])).rejects.toThrow("0 places to patch");
  await expect(loadProgram([{ ...patch, file: "src/nowhere.ts" }])).rejects.toThrow(
    "not part of the program",
  );
});
