/**
 * `npm run chaos -- [--minutes M] [--seed S]`: the service under load and kill -9, for so many minutes (default 5);
 * then every accepted job is accounted for. A seed repeats a run as far as chance goes; the machine's own timing is
 * never the same. Exits with 1 if anything was lost, doubled or wrong, with 2 if it could not be found out.
 */

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runChaos, type Tally } from "./chaos/run.ts";

const MINUTE_MS = 60_000;
const FAULTS_SHOWN = 20;

/** Between two kills, at least and at most: some come before the service has caught its breath. */
const LIVES_MS = [1_000, 12_000] as const;

function rowsOf(tally: Tally): [string, number][] {
  const { outcomes, repairs } = tally;
  return [
    ["kill -9 and restart", tally.kills],
    ["accepted", tally.accepted],
    ...Object.entries(outcomes).map(([outcome, count]): [string, number] => [`  ${outcome}`, count]),
    ["attempts", tally.attempts],
    ["  of these lost with their worker", tally.lostAttempts],
    ["jobs whose type's attempts were all lost", tally.exhaustedByCrashes],
    ["posts answered with the holder of their place", tally.conflicts],
    ["webhooks taken", tally.webhooks],
    ["  of these more than once, under one id", tally.repeatedWebhooks],
    ...Object.entries(repairs).map(([event, count]): [string, number] => [`log: ${event}`, count]),
    ["lost", tally.lost.length],
    ["doubled", tally.doubled.length],
    ["otherwise wrong", tally.wrong.length],
  ];
}

/** What the command line asks for. Throws with the usage for anything else. */
function readOptions(): { minutes: number; seed: number } {
  const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } });
  const minutes = Number(values.minutes ?? 5);
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error("npm run chaos -- [--minutes M] [--seed S]");
  return { minutes, seed };
}

function print(minutes: number, tally: Tally): void {
  const rows = rowsOf(tally);
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`${minutes} minutes with seed ${tally.seed}`);
  for (const [name, count] of rows) console.log(`${name.padEnd(width)}  ${String(count).padStart(6)}`);
}

try {
  const { minutes, seed } = readOptions();
  const loadMs = minutes * MINUTE_MS;
  const tally = await runChaos({ seed, loadMs, livesMs: LIVES_MS, say: (words) => console.error(words) });
  print(minutes, tally);
  const faults = [...tally.lost, ...tally.doubled, ...tally.wrong];
  for (const fault of faults.slice(0, FAULTS_SHOWN)) console.log(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
