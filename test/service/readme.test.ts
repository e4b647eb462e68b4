/**
 * The README and docs/ are true: their commands run and answer as shown, their example works, their links lead
 * somewhere, and what they list is complete.
 */

import { execFile } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
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

/** What is in the first column of the tables of a page, without its code marks. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code),
  );
}

function section(markdown: string, heading: string): string {
  const [, after = ""] = markdown.split(`\n## ${heading}\n`);
  return after.split("\n## ")[0] ?? "";
}

describe("the README's commands", () => {
  const service = sharedService();

  /** Each block that speaks to the service, with the block after it: what it is said to print. */
  const spoken = blocksOf(readme).flatMap((block, index, all) =>
    block.language === "sh" && /\bcurl\b/.test(block.text) ? [{ block, shown: all[index + 1] }] : [],
  );

  /** Runs the blocks one after another in one shell, as a reader does; answers what each printed. */
  async function play(): Promise<string[]> {
    const script = spoken.map(({ block }) => `${block.text}\necho; echo ======\n`).join("");
    const local = script.replaceAll("http://localhost:8787", service.url);
    const { stdout } = await promisify(execFile)("sh", ["-ec", local], { cwd: root });
    return stdout.replaceAll("\r", "").split("\n======\n");
  }

  test("answer as it shows", async () => {
    const printed = await play();
    expect(spoken.map(({ shown }) => shown?.language)).toEqual(["http", "text", "text"]);
    for (const [index, { shown }] of spoken.entries()) expectShown(shown, printed[index] ?? "");
  });
});

/** An ellipsis stands for whatever is there; a line or a member that is not shown may be. */
function expectShown(shown: Block | undefined, printed: string): void {
  for (const line of shown?.text.split("\n").filter(Boolean) ?? []) {
    const pattern = line.split("…").map(literally).join(".*");
    expect(printed).toMatch(new RegExp(`^${pattern}$`, "m"));
  }
}

/** A pattern that matches this text and nothing else. */
function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

describe("the README's job type", () => {
  afterEach(() => vi.unstubAllGlobals());

  const recipients = ["a", "b", "c", "d", "e"].map((name) => `${name}@example.com`);

  /** A third party that answers with this status; remembers the keys it was given. */
  function stubMail(status: number): string[] {
    const keys: string[] = [];
    vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
      keys.push(headers["Idempotency-Key"] ?? "");
      return { status };
    });
    return keys;
  }

  test("is the example file, which is checked like all code", () => {
    const example = readText("examples/mail-send.ts").replace("../src/job-types/", "./");
    expect(blocksOf(readme).find(({ language }) => language === "ts")?.text).toBe(example);
    expect(mailSend.input.safeParse(mailSend.example).success).toBe(true);
  });

  test("goes on where an earlier attempt stopped", async () => {
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
  ])("fails on %i as %s", async (status, kind) => {
    stubMail(status);
    const { job, reported } = fakeJobContext();
    await expect(mailSend.run({ text: "We moved.", recipients }, job)).rejects.toMatchObject({ kind });
    expect(reported.checkpoints).toEqual([]);
  });
});

test("the README's diagram has the five transitions there are", () => {
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

test("the README has less than 150 lines", () => {
  expect(readme.trimEnd().split("\n").length).toBeLessThan(150);
});

describe.each(pages)("%s", (page) => {
  const text = readText(page);

  test("names only npm scripts there are", () => {
    const named = [...text.matchAll(/\bnpm (?:run (?:-s )?([\w-]+)|(start|test))\b/g)];
    const missing = named
      .map(([, script, short]) => script ?? short ?? "")
      .filter((name) => !manifest.scripts[name]);
    expect(missing).toEqual([]);
  });

  test("has only links that lead somewhere", () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const broken = links.filter((target) => !/^https?:/.test(target) && !leadsSomewhere(page, target));
    expect(broken).toEqual([]);
  });

  test("names only files of the repository that are there", () => {
    const named = [...text.matchAll(/`((?:src|test|scripts|examples|docs)\/[\w./-]+)`/g)];
    const own = "src/job-types/mail-send.ts";
    const missing = named.map(([, path = ""]) => path).filter((path) => !existsSync(join(root, path)));
    expect(missing.filter((path) => path !== own)).toEqual([]);
  });
});

function leadsSomewhere(page: string, target: string): boolean {
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

  test("has a row for every line the service logs, and no other", () => {
    const emitted = [...emittedEvents(), "runtime"];
    expect(emitted).toEqual(expect.arrayContaining(["accepted", "retry_scheduled", "unavailable"]));
    expect(rowNames(section(text, "Log lines"))).toEqual(new Set(["event", ...emitted]));
  });

  test("has every variable", () => {
    const [, vars = ""] = readText("wrangler.toml").split("\n[vars]\n");
    const names = [...(vars.split("\n\n")[0] ?? "").matchAll(/^(\w+) =/gm)].map(([, name = ""]) => name);
    const secrets = [...readText("src/env.ts").matchAll(/^ {2}(\w+)\?: string;$/gm)].map(
      ([, name = ""]) => name,
    );
    expect(secrets).toContain("API_KEYS");
    expect(rowNames(section(text, "Variables and secrets"))).toEqual(new Set([...secrets, ...names]));
  });
});

function rowNames(table: string): Set<string> {
  return new Set([...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name = ""]) => name));
}

/** The names of all lines the source logs: said to `log` itself, or by the events' description in effects.ts. */
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
    ["every field of a job type", "Fields of `defineJobType`", membersOf("JobTypeDefinition")],
    ["all that the code is given", "What the code is given", membersOf("JobContext")],
    ["every kind of failure", "Failures", [...failureKinds]],
  ])("has %s", (_, heading, names) => {
    expect(names.length).toBeGreaterThan(5);
    const cells = firstCells(section(text, heading)).map((cell) => cell.replace(/\(.*/, ""));
    expect(cells.filter((cell) => cell !== "job.").toSorted()).toEqual(names.toSorted());
  });
});

test("docs/internals/dependencies.md has a row for every dependency, and no other", () => {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(firstCells(readText("docs/internals/dependencies.md")).toSorted()).toEqual(names.toSorted());
});
