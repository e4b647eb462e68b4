/**
 * `npm run simulate -- [--seeds N] [--from S]` runs seeds, names those that violate an invariant and shows the trace of
 * the first. `--seed S` runs one seed and shows its trace. `--lines N` sets how much of it; `--clients`, `--jobs` and
 * `--minutes` set how large a run may be.
 */

import { parseArgs } from "node:util";
import { describeRun } from "./describe-run.ts";
import { loadProgram } from "./load.ts";
import { openSimulator, SMALL } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    lines: { type: "string", default: "60" },
    clients: { type: "string", default: String(SMALL.clients) },
    jobs: { type: "string", default: String(SMALL.jobs) },
    minutes: { type: "string", default: String(SMALL.minutes) },
  },
});

/** A whole number above 0; anything else ends the command. */
function count(name: keyof typeof values): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name} must be a whole number above 0.`);
  process.exit(2);
}

const size = { clients: count("clients"), jobs: count("jobs"), minutes: count("minutes") };
const simulator = openSimulator(await loadProgram());
const first = values.seed === undefined ? count("from") : count("seed");
const last = values.seed === undefined ? first + count("seeds") - 1 : first;

const startedAt = performance.now();
const stats = { events: 0, jobs: 0 };
const violating: number[] = [];
for (let seed = first; seed <= last; seed += 1) {
  const result = await simulator.simulate(seed, size);
  stats.events += result.events;
  stats.jobs += result.jobs;
  if (result.violation) {
    violating.push(seed);
    console.log(`seed ${seed}: ${result.violation.invariant}: ${result.violation.message}`);
  }
}
const seconds = (performance.now() - startedAt) / 1_000;
const { jobs, events } = stats;
console.log(
  `seeds ${last - first + 1}, jobs ${jobs}, events ${events}, seconds ${seconds.toFixed(1)}, violations ${violating.length}`,
);

const seedToShow = values.seed === undefined ? violating[0] : first;
if (seedToShow !== undefined)
  console.log(describeRun(await simulator.simulate(seedToShow, size, count("lines"))));
process.exitCode = violating.length > 0 ? 1 : 0;
