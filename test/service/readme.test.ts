/**
 * The README and docs/ are true: the commands run and print what is shown, the example works, links and paths exist,
 * and lists are complete.
 */

import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import { mailSend } from "../../examples/mail-send.ts";
import { root } from "../../scripts/wrangler.ts";
import { failureKinds } from "../../src/core/job.ts";
import { fakeJobContext } from "../support/job-context.ts";
import { sharedService } from "./service.ts";

type Block = { language: string; text: string };

const readText = (path: string) => readFileSync(join(root, path), "utf8");
const readme = readText("README.md");
const documents = globSync("docs/**/*.md", { cwd: root }).toSorted();
const pages = ["README.md", ...documents];
const manifest = JSON.parse(readText("package.json"));

/** The fenced blocks of a page, in their order. */
function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
}

/** The code in the first column of a page's tables. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code),
  );
}

function section(markdown: string, heading: string): string {
  const [, after = ""] = markdown.split(`\n## ${heading}\n`);
  return after.split("\n## ")[0] ?? "";
}

const service = sharedService();

/** The commands of a page that call the service, each with the block after it, which shows the output. */
function commandsOf(page: string): { command: string; shown: Block | undefined }[] {
  return blocksOf(readText(page)).flatMap(({ language, text }, index, all) =>
    language === "sh" && /\bcurl\b/.test(text) ? [{ command: text, shown: all[index + 1] }] : [],
  );
}

/** Runs the commands in one shell, as a reader does. Returns what each printed. */
async function runAll(commands: string[]): Promise<string[]> {
  const script = commands.map((command) => `${command}\necho; echo ======\n`).join("");
  const local = script.replaceAll("http://localhost:8787", service.url);
  // A reader's service keeps its keys in the project; this one has a folder of its own.
  const env = { ...process.env, STATE_DIR: inject("service").stateDir };
  const { stdout } = await promisify(execFile)("sh", ["-ec", local], { cwd: root, env });
  return stdout.replaceAll("\r", "").split("\n======\n");
}

test.concurrent.each([
  ["README.md", ["http", "text"]],
  ["docs/internals/verification.md", ["text"]],
])("%s: commands in one shell → print what is shown below them", async (page, languages) => {
  const commands = commandsOf(page);
  expect(commands.map(({ shown }) => shown?.language)).toEqual(languages);
  const printed = await runAll(commands.map(({ command }) => command));
  for (const [index, { shown }] of commands.entries()) expectShown(shown, printed[index] ?? "");
});

/** Every shown line was printed. An ellipsis stands for any text. */
function expectShown(shown: Block | undefined, printed: string): void {
  for (const line of shown?.text.split("\n").filter(Boolean) ?? []) {
    const pattern = line.split("…").map(literally).join(".*");
    expect(printed).toMatch(new RegExp(`^${pattern}$`, "m"));
  }
}

/** A pattern that matches exactly this text. */
function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

describe("the README's job type", () => {
  afterEach(() => vi.unstubAllGlobals());

  const recipients = ["a", "b", "c", "d", "e"].map((name) => `${name}@example.com`);

  /** A third party that answers with this status. Returns the idempotency keys it receives. */
  function stubMail(status: number): string[] {
    const keys: string[] = [];
    vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
      keys.push(headers["Idempotency-Key"] ?? "");
      return { status };
    });
    return keys;
  }

  test("README's job type: examples/mail-send.ts → the same text, and a valid example", () => {
    const example = readText("examples/mail-send.ts").replace("../src/job-types/", "./");
    expect(blocksOf(readme).find(({ language }) => language === "ts")?.text).toBe(example);
    expect(mailSend.input.safeParse(mailSend.example).success).toBe(true);
  });

  test("mail.send: checkpoint of an earlier attempt → continues after it", async () => {
    const keys = stubMail(202);
    const { job, reported } = fakeJobContext({ attempt: 2, checkpoint: 3 });
    const result = await mailSend.run({ text: "We moved.", recipients }, job);
    expect(result).toEqual({ sent: 5 });
    expect(keys).toEqual([`${job.id}/3`, `${job.id}/4`]);
    expect(reported.checkpoints).toEqual([4, 5]);
    expect(reported.progress.at(-1)).toEqual({ current: 5, total: 5, unit: "letters" });
  });

  test.each([
    [429, "rate_limited"],
    [503, "service_unavailable"],
    [400, "invalid_input"],
  ])("mail.send: third party answers %i → fails as %s", async (status, kind) => {
    stubMail(status);
    const { job, reported } = fakeJobContext();
    await expect(mailSend.run({ text: "We moved.", recipients }, job)).rejects.toMatchObject({ kind });
    expect(reported.checkpoints).toEqual([]);
  });
});

test("README: diagram → the five transitions", () => {
  const diagram = blocksOf(readme).find(({ language }) => language === "mermaid")?.text ?? "";
  const moves = [...diagram.matchAll(/^ *(\w+) --> (\w+)/gm)].map(([, from, to]) => `${from} to ${to}`);
  expect(moves).toEqual([
    "queued to running",
    "queued to cancelled",
    "running to succeeded",
    "running to failed",
    "running to cancelled",
  ]);
});

test("README: length → at most 130 lines", () => {
  expect(readme.trimEnd().split("\n").length).toBeLessThanOrEqual(130);
});

describe.each(pages)("%s", (page) => {
  const text = readText(page);

  test("npm scripts it names → exist", () => {
    const named = [...text.matchAll(/\bnpm (?:run (?:-s )?([\w-]+)|(start|test))\b/g)];
    const missing = named
      .map(([, script, short]) => script ?? short ?? "")
      .filter((name) => !manifest.scripts[name]);
    expect(missing).toEqual([]);
  });

  test("its relative links and anchors → exist", () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const broken = links.filter((target) => !/^https?:/.test(target) && !exists(page, target));
    expect(broken).toEqual([]);
  });

  test("paths it names → exist", () => {
    const named = [
      ...text.matchAll(/`((?:src|test|scripts|examples|docs|bench|conformance|migrations)\/[\w./-]+)`/g),
    ];
    const own = "src/job-types/mail-send.ts";
    const missing = named.map(([, path = ""]) => path).filter((path) => !existsSync(join(root, path)));
    expect(missing.filter((path) => path !== own)).toEqual([]);
  });
});

function exists(page: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || anchorsOf(readText(file)).includes(anchor);
}

/** The anchors GitHub gives to headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("docs/running/operating.md", () => {
  const text = readText("docs/running/operating.md");

  test("log lines → a row for every event that the source logs, and no other", () => {
    const emitted = [...emittedEvents(), "runtime"];
    expect(emitted).toEqual(expect.arrayContaining(["accepted", "retry_scheduled", "unavailable"]));
    expect(rowNames(section(text, "Log lines"))).toEqual(new Set(["event", ...emitted]));
  });

  test("variables and secrets → those of wrangler.toml and src/env.ts", () => {
    const [, vars = ""] = readText("wrangler.toml").split("\n[vars]\n");
    const names = [...(vars.split("\n\n")[0] ?? "").matchAll(/^(\w+) =/gm)].map(([, name = ""]) => name);
    const secrets = [...readText("src/env.ts").matchAll(/^ {2}(\w+)\?: string;$/gm)].map(
      ([, name = ""]) => name,
    );
    secrets.push("SIGNING_SECRET");
    expect(secrets).toContain("ADMIN_KEYS");
    expect(rowNames(section(text, "Variables and secrets"))).toEqual(new Set([...secrets, ...names]));
  });
});

function rowNames(table: string): Set<string> {
  return new Set([...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name = ""]) => name));
}

/** The names of all events that the source logs: in calls of `log`, and in the descriptions of effects.ts. */
function emittedEvents(): string[] {
  const sources = globSync("src/**/*.{ts,tsx}", { cwd: root }).map(readText);
  const calls = sources.flatMap((source) => [...source.matchAll(/(?<![.\w])log\(([^{;]*)/g)]);
  const names = [...readText("src/objects/job/effects.ts").matchAll(/\bname(?::| =)([^,;\n}]*)/g)];
  const words = [...calls, ...names].flatMap(([, said = ""]) => [...said.matchAll(/"([a-z_]+)"/g)]);
  const levels = ["info", "warn", "error"];
  return words.map(([, word = ""]) => word).filter((word) => !levels.includes(word));
}

describe("docs/using/job-types.md", () => {
  const text = readText("docs/using/job-types.md");
  const define = readText("src/job-types/define.ts");

  /** The names of the members of a type in define.ts. */
  function membersOf(type: string): string[] {
    const [, body = ""] =
      new RegExp(`export type ${type}\\b.*? = \\{\\n([\\s\\S]*?)\\n\\};`).exec(define) ?? [];
    return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(:]/gm)].map(([, name = ""]) => name);
  }

  test.each([
    ["fields of a job type", "Fields of `defineJobType`", membersOf("JobTypeDefinition")],
    ["what the code is given", "What the code is given", membersOf("JobContext")],
    ["kinds of failure", "Failures", [...failureKinds]],
  ])("%s → complete", (_, heading, names) => {
    expect(names.length).toBeGreaterThan(5);
    const cells = firstCells(section(text, heading)).map((cell) => cell.replace(/\(.*/, ""));
    expect(cells.filter((cell) => cell !== "job.").toSorted()).toEqual(names.toSorted());
  });
});

test("docs/internals/dependencies.md: rows → the dependencies of package.json", () => {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(firstCells(readText("docs/internals/dependencies.md")).toSorted()).toEqual(names.toSorted());
});
