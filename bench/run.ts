/**
 * `npm run bench` measures everything and writes docs/internals/benchmarks.md. With `-- --only accept,status` it measures
 * only those and writes nothing, so that all numbers of the page come from one run. It fails if a measurement fails. A
 * missed goal is printed and is no failure.
 */

import { parseArgs } from "node:util";
import { accept } from "./accept.ts";
import type { Benchmark, Row } from "./benchmark.ts";
import { cancel } from "./cancel.ts";
import { finish } from "./finish.ts";
import { importCsv } from "./import.ts";
import { listing } from "./listing.ts";
import { machine, printTable, writePage } from "./report.ts";
import { start } from "./start.ts";
import { status } from "./status.ts";

const benchmarks: Benchmark[] = [accept, status, finish, start, cancel, listing, importCsv];

const { values } = parseArgs({ options: { only: { type: "string" } } });
const names = values.only?.split(",") ?? benchmarks.map(({ name }) => name);
const chosen = benchmarks.filter(({ name }) => names.includes(name));
if (chosen.length !== names.length) {
  console.error(`Choose from: ${benchmarks.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}

const beganOn = await machine();
const found = new Map<string, Row[]>();
for (const benchmark of chosen) {
  const since = performance.now();
  const rows = await benchmark.run();
  found.set(benchmark.name, rows);
  printTable(`${benchmark.title} (${Math.round((performance.now() - since) / 1_000)} s)`, rows);
}
if (values.only === undefined) await writePage(found, beganOn);
