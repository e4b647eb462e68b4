/**
 * `npm run chaos -- [--minutes M] [--seed S]`: the service under load and kill -9, for so many minutes (default 5);
 * then every accepted job is accounted for. A seed repeats a run as far as chance goes; the machine's own timing is
 * never the same. Exits with 1 if anything was lost, doubled or wrong, with 2 if it could not be found out.
 */

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { type ChaosReport, runChaos } from "./chaos/run.ts";

const MINUTE_MS = 60_000;
const FAULTS_SHOWN = 20;

/** Between two kills, at least and at most: some come before the service has caught its breath. */
const LIVES_MS = [1_000, 12_000] as const;

function rowsOf(report: ChaosReport): [string, number][] {
  const { outcomes, repairs } = report;
  return [
    ["kill -9 and restart", report.kills],
    ["accepted", report.accepted],
    ...Object.entries(outcomes).map(([outcome, count]): [string, number] => [`  ${outcome}`, count]),
    ["attempts", report.attempts],
    ["  of these lost with their worker", report.lostAttempts],
    ["jobs whose type's attempts were all lost", report.exhaustedByCrashes],
    ["posts answered with the job that owns their unique key", report.conflicts],
    ["webhooks taken", report.webhooks],
    ["  of these more than once, under one id", report.repeatedWebhooks],
    ...Object.entries(repairs).map(([event, count]): [string, number] => [`log: ${event}`, count]),
    ["lost", report.lost.length],
    ["doubled", report.doubled.length],
    ["otherwise wrong", report.wrong.length],
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

function print(minutes: number, report: ChaosReport): void {
  const rows = rowsOf(report);
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`${minutes} minutes with seed ${report.seed}`);
  for (const [name, count] of rows) console.log(`${name.padEnd(width)}  ${String(count).padStart(6)}`);
}

try {
  const { minutes, seed } = readOptions();
  const loadMs = minutes * MINUTE_MS;
  const report = await runChaos({ seed, loadMs, livesMs: LIVES_MS, say: (words) => console.error(words) });
  print(minutes, report);
  const faults = [...report.lost, ...report.doubled, ...report.wrong];
  for (const fault of faults.slice(0, FAULTS_SHOWN)) console.log(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
