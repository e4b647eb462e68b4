/**
 * What the demo shows, and what it holds to be true. On a terminal in colours, with bars that move; elsewhere as
 * plain lines. NO_COLOR is honoured. A claim that does not hold is remembered, for the exit code.
 */

import { stdout } from "node:process";
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

const BAR_CELLS = 30;
const REQUEST_COLUMNS = 58;

/** Text in this style, if colours are wanted. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: stdout });
}

let scenes = 0;
const claims = { held: 0, broken: 0 };

export function say(text = ""): void {
  stdout.write(text === "" ? "\n" : `   ${text}\n`);
}

/** The beginning of a scene. */
export function title(text: string): void {
  scenes += 1;
  stdout.write(`\n${paint("bold", `${scenes}  ${text}`)}\n`);
}

/** A request and its answer: what was asked, the status, and what matters in it. */
export function exchange(request: string, status: number, outcome: string): void {
  const [method = "", ...rest] = request.split(" ");
  const asked = `${paint("cyan", method)} ${rest.join(" ")}`;
  const gap = " ".repeat(Math.max(2, REQUEST_COLUMNS - request.length));
  say(`${asked}${gap}${paint(status < 400 ? "green" : "yellow", String(status))}  ${outcome}`);
}

/** Named values, one a line. */
export function fields(values: Record<string, unknown>): void {
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  for (const [name, value] of Object.entries(values)) {
    say(`${paint("dim", name.padEnd(width))}  ${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
}

/** Rows under their header, numbers to the right. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  for (const [nth, row] of rows.entries()) {
    const cells = row.map((cell, at) => {
      const isNumber = at > 0;
      return isNumber ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
    });
    say(paint(nth === 0 ? "dim" : "reset", cells.join("   ").trimEnd()));
  }
}

/** A claim about what was seen. */
export function claim(text: string, holds: boolean): void {
  claims[holds ? "held" : "broken"] += 1;
  say(holds ? `${paint("green", "✓")} ${text}` : paint("red", `✗ not so: ${text}`));
}

/** How many claims there were. */
export function reckoning(): { held: number; broken: number } {
  return { ...claims };
}

/** A progress bar that redraws itself; where lines cannot be redrawn, a line for each change. */
export function openBar() {
  let shown = "";
  return {
    draw(percent: number, note: string): void {
      const cells = Math.round((percent * BAR_CELLS) / 100);
      const bar = paint("blue", `${"█".repeat(cells)}${"░".repeat(BAR_CELLS - cells)} `);
      const line = `   ${stdout.isTTY ? bar : ""}${String(percent).padStart(3)} %  ${note}`;
      if (line === shown) return;
      shown = line;
      stdout.write(stdout.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
    },
    done(): void {
      if (stdout.isTTY && shown !== "") stdout.write("\n");
    },
  };
}
