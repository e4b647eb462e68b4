/** `npm run check` fails on each planted offence: the commands run on a copy of the configuration with one bad file. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "check-"));
  for (const path of [
    "biome.json",
    ".gitignore",
    "scripts/check-words.ts",
    "scripts/check-words-rules.ts",
    "scripts/check-names.ts",
  ])
    cpSync(join(root, path), join(copy, path));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  spawnSync("git", ["init", "--quiet"], { cwd: copy });
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(copy, path)), { recursive: true });
  writeFileSync(join(copy, path), text);
}

function run(...command: string[]): { status: number | null; output: string } {
  const [program = "", ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: copy, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

const lint = () => run(join(root, "node_modules/.bin/biome"), "lint", "--error-on-warnings", "src");
/** A function whose body has so many lines. */
const longFunction = (lines: number) =>
  `export function long(start: number): number {\n  let n = start;\n${"  n += 1;\n".repeat(lines - 2)}  return n;\n}\n`;

test("check: a sound file → passes", () => {
  plant("src/lib/sound.ts", "/** Two. */\nexport const two = 2;\n");
  expect([lint().status, run(process.execPath, "scripts/check-words.ts").status]).toEqual([0, 0]);
  expect(run(process.execPath, "scripts/check-names.ts").status).toBe(0);
});

test.each([
  ["a comment", "src/lib/old.ts", "/** Another job holds the place. */\nexport const a = 1;\n"],
  ["an identifier", "src/lib/old.ts", "export const sliceStartedAt = 1;\n"],
  ["a document", "docs/old.md", "The doorbell of a job.\n"],
])("check: an old word in %s → fails and names the new word", (_where, path, text) => {
  plant(path, text);
  const { status, output } = run(process.execPath, "scripts/check-words.ts");
  expect(status).toBe(1);
  expect(output).toContain(`${path}:1: "`);
  expect(output).toContain("use ");
});

test.each([
  ["of values", "import { b } from", "import { a } from"],
  ["of types", "import type { B } from", "import type { A } from"],
])("check: an import circle %s → fails", (_what, first, second) => {
  plant("src/lib/a.ts", `${first} "./b.ts";\nexport type A = number;\nexport const a = 1;\n`);
  plant("src/lib/b.ts", `${second} "./a.ts";\nexport type B = number;\nexport const b = 1;\n`);
  const { status, output } = lint();
  expect(status).not.toBe(0);
  expect(output).toContain("noImportCycles");
});

test("check: a function of 61 lines → fails; of 60 → passes", () => {
  plant("src/lib/long.ts", longFunction(60));
  expect(lint().output).not.toContain("noExcessiveLinesPerFunction");
  plant("src/lib/long.ts", longFunction(61));
  expect(lint().output).toContain("too many lines (61)");
});

test("check: a second export of a name → fails", () => {
  plant("src/lib/a.ts", "export const twice = 1;\n");
  plant("src/lib/b.ts", "export const twice = 2;\n");
  const { status, output } = run(process.execPath, "scripts/check-names.ts");
  expect(status).toBe(1);
  expect(output).toContain("twice is exported by src/lib/a.ts, src/lib/b.ts");
});

test.each([
  ["core/ imports a package", "src/core/a.ts", 'import { z } from "zod";\nexport const a = z;\n'],
  [
    "the API imports an object",
    "src/api/a.ts",
    'import { b } from "../objects/job/store.ts";\nexport const a = b;\n',
  ],
  [
    "submission/ imports Hono",
    "src/submission/a.ts",
    'import { Hono } from "hono";\nexport const a = Hono;\n',
  ],
  [
    "a job type imports rpc/",
    "src/job-types/a.ts",
    'import { b } from "../rpc/job.ts";\nexport const a = b;\n',
  ],
  ["console outside of the log", "src/runner/a.ts", 'console.error("x");\n'],
  ["a timer outside of the runtime", "src/runner/a.ts", "setTimeout(() => {}, 1);\n"],
])("check: %s → fails", (_what, path, text) => {
  plant(path, text);
  const { status, output } = lint();
  expect(status).not.toBe(0);
  expect(output).toMatch(/noRestricted(Imports|Globals)|noConsole/);
});
