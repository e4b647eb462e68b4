/**
 * `npm run simulate -- --seeds N [--seed S] [--clients N --jobs N --minutes N]`: runs worlds and says which of them
 * broke a promise. A single seed is told with what happened in it.
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

const size = {
  clients: Number(values.clients),
  jobs: Number(values.jobs),
  minutes: Number(values.minutes),
};
const simulator = openSimulator(await loadProgram());
const first = Number(values.seed ?? values.from);
const last = values.seed === undefined ? first + Number(values.seeds) - 1 : first;

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
const worlds = last - first + 1;
console.log(
  `${worlds} worlds, ${totals.jobs} jobs, ${totals.events} events in ${seconds.toFixed(1)} s: ${broken.length} broke a promise`,
);

const toTell = values.seed === undefined ? broken[0] : first;
if (toTell !== undefined) console.log(tell(await simulator.simulate(toTell, size, Number(values.lines))));
process.exitCode = broken.length > 0 ? 1 : 0;
