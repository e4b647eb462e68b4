/** Prints the results as tables and writes them between the marks of docs/internals/benchmarks.md. */

import { readFile, writeFile } from "node:fs/promises";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/wrangler.ts";
import type { Goal, Row } from "./benchmark.ts";

const page = join(root, "docs/internals/benchmarks.md");

/** Writes each table between the marks with its name. Rejects if the page lacks the marks. */
export async function writePage(found: ReadonlyMap<string, Row[]>, machineText: string): Promise<void> {
  let text = await readFile(page, "utf8");
  for (const [name, rows] of found) text = between(text, name, toMarkdown(rows));
  await writeFile(page, between(text, "machine", machineText));
}

function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/internals/benchmarks.md has no marks for ${name}.`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

/** The machine and the date, as Markdown. Read before the run, so that the load is not the run's own. */
export async function machine(): Promise<string> {
  const [cpu] = cpus();
  const os = (await readFile("/etc/os-release", "utf8")).match(/^PRETTY_NAME="(.*)"$/m)?.[1];
  const versionOf = async (name: string) =>
    `${name} ${JSON.parse(await readFile(join(root, "node_modules", name, "package.json"), "utf8")).version}`;
  const facts = {
    Date: new Date().toISOString().slice(0, 10),
    CPU: `${cpu?.model.trim()}, ${cpus().length} cores`,
    Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    System: `${os}, ${type()} ${release()}, ${arch()}`,
    Versions: `Node ${process.version}, ${await versionOf("workerd")}, ${await versionOf("wrangler")}`,
    "Load when it began": `${loadavg()[0]?.toFixed(2)} (1 is one core busy with something else)`,
  };
  return table([["", ""], ...Object.entries(facts)]);
}

export function printTable(title: string, rows: readonly Row[]): void {
  const lines = cellsOf(rows);
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  console.log(`\n${title}\n`);
  for (const line of lines) {
    console.log(`  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ")}`.trimEnd());
  }
}

function toMarkdown(rows: readonly Row[]): string {
  return table(cellsOf(rows));
}

function table([head = [], ...lines]: string[][]): string {
  const toLine = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [toLine(head), toLine(head.map(() => "---")), ...lines.map(toLine)].join("\n");
}

/** The head and a line per row; an empty column is left out. */
function cellsOf(rows: readonly Row[]): string[][] {
  const columns: [string, (row: Row) => string][] = [
    ["What", ({ what }) => what],
    ["Service", ({ service }) => service],
    ["Compared with", ({ other = "" }) => other],
    ["Ratio", ({ ratio }) => ratio?.toFixed(2) ?? ""],
    ["Goal", ({ goal }) => (goal ? goalText(goal) : "")],
  ];
  const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  return [used.map(([head]) => head), ...rows.map((row) => used.map(([, cell]) => cell(row)))];
}

function goalText({ text, isMet }: Goal): string {
  return `${text}: ${isMet ? "met" : "not met"}`;
}
