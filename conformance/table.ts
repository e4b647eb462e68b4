/** The suite's report for people: one line per check, what failed in full, and a summary. */

import type { Outcome, Report } from "./run.ts";

const MARKS: Record<Outcome["status"], string> = { passed: "passed", failed: "FAILED", skipped: "skipped" };

/** The report as text, without a last line break. */
export function table({ outcomes, passed, failed, skipped, answersSeen, left, ms, url }: Report): string {
  const width = Math.max(...outcomes.map(({ section }) => section.length), "section".length);
  const nameWidth = Math.max(...outcomes.map(({ name }) => name.length), "check".length);
  const line = (section: string, name: string, result: string, time: string) =>
    `${section.padEnd(width)}  ${name.padEnd(nameWidth)}  ${result.padEnd(7)}  ${time.padStart(8)}`;
  const details = outcomes.flatMap(({ section, name, status, detail }) =>
    detail === null ? [] : [`${MARKS[status]}: ${section}, ${name}:\n  ${detail}`],
  );
  return [
    line("section", "check", "result", "time"),
    ...outcomes.map(({ section, name, status, ms: took }) =>
      line(section, name, MARKS[status], `${took} ms`),
    ),
    "",
    ...details,
    ...left.map((path) => `Left behind: ${path}`),
    `${passed} passed, ${failed} failed, ${skipped} skipped; ${answersSeen} answers of ${url} in ${(ms / 1000).toFixed(1)} s.`,
  ].join("\n");
}
