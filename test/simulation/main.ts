/**
 * `npm run simulate -- [--seeds N] [--from S]`: runs worlds and says which of them broke a promise, and what happened in
 * the first of these. `--seed S` runs one world and tells its end. `--lines N` says how much of it, `--clients`,
 * `--jobs` and `--minutes` how large worlds may be.
 */

import { parseArgs } from "node:util";
import { loadProgram } from "./load.ts";
import { openSimulator, SMALL } from "./simulate.ts";
import { tell } from "./tell.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2000" },
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
const totals = { events: 0, jobs: 0 };
const broken: number[] = [];
for (let seed = first; seed <= last; seed += 1) {
  const result = await simulator.simulate(seed, size);
  totals.events += result.events;
  totals.jobs += result.jobs;
  if (result.broken) {
    broken.push(seed);
    console.log(`seed ${seed}: ${result.broken.promise}: ${result.broken.how}`);
  }
}
const seconds = (performance.now() - startedAt) / 1_000;
const { jobs, events } = totals;
console.log(
  `worlds ${last - first + 1}, jobs ${jobs}, events ${events}, seconds ${seconds.toFixed(1)}, broken ${broken.length}`,
);

const toTell = values.seed === undefined ? broken[0] : first;
if (toTell !== undefined) console.log(tell(await simulator.simulate(toTell, size, count("lines"))));
process.exitCode = broken.length > 0 ? 1 : 0;
