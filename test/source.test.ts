/**
 * The shape of the source, enforced: which way imports go, and where the clock, SQL, the console and changes of
 * status live. Every rule is also shown a planted offence, so that none of them passes by looking away.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";

/** `code` is the text without comments, line for line; `inert` has its strings emptied, too. */
type Source = { path: string; text: string; code: string; inert: string };
type Import = { path: string; line: number; target: string; isTypeOnly: boolean };
/** Answers what offends in one file, each as "path:line: why". */
type Check = (source: Source) => string[];
type Rule = { check: Check; planted: { path: string; text: string } };

const LINES_MAX = 300;
const root = join(import.meta.dirname, "..");

function sourceOf(path: string, text: string): Source {
  const blank = (comment: string) => comment.replace(/[^\n]/g, "");
  const token = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g;
  const code = text.replace(token, (comment, quoted?: string) => quoted ?? blank(comment));
  const inert = text.replace(token, (all, quoted?: string) => (quoted?.startsWith("`") ? all : blank(all)));
  return { path, text, code, inert };
}

function readSources(): Source[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .map((path) => `src/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts") || path.endsWith(".tsx"))
    .sort()
    .map((path) => sourceOf(path, readFileSync(join(root, path), "utf8")));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Everything a file imports or re-exports; a relative path is resolved from the root, as `src/…`. */
function importsOf({ path, code }: Source): Import[] {
  const statement = /\b(?:import|export)\b([^;"'`=]*?)\bfrom\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/g;
  return [...code.matchAll(statement)].map((match) => {
    const clause = match[1]?.trim();
    const target = match[2] ?? match[3] ?? "";
    const isRelative = target.startsWith(".");
    return {
      path,
      line: lineAt(code, match.index),
      target: isRelative ? posix.join(posix.dirname(path), target) : target,
      isTypeOnly: clause !== undefined && isTypeClause(clause),
    };
  });
}

/** `type { A, B }` or `{ type A, type B }`. */
function isTypeClause(clause: string): boolean {
  if (/^type\b/.test(clause)) return true;
  const names = /^\{([^}]*)\}$/.exec(clause)?.[1]?.split(",") ?? [""];
  return names.every((name) => /^\s*(type\s|$)/.test(name)) && names.join("").trim() !== "";
}

const isIn =
  (...folders: string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`src/${folder}/`));

/** No import of the files chosen by `from` may offend. */
function imports(from: (path: string) => boolean, why: string, isOffence: (found: Import) => boolean): Check {
  return (source) =>
    from(source.path)
      ? importsOf(source)
          .filter(isOffence)
          .map(({ path, line, target }) => `${path}:${line}: ${why}: ${target}`)
      : [];
}

/** The pattern may be matched only in the files chosen by `home`. */
function onlyIn(
  home: (path: string) => boolean,
  pattern: RegExp,
  why: string,
  view: "code" | "inert" | "text" = "inert",
): Check {
  return (source) =>
    home(source.path)
      ? []
      : [...source[view].matchAll(new RegExp(pattern, "g"))].map(
          (match) => `${source.path}:${lineAt(source[view], match.index)}: ${why}: ${match[0].trim()}`,
        );
}

const nowhere = () => false;
const anywhere = () => true;
/** Code for browsers: it has their clock and timers, and nothing of the Worker. */
const isBrowserCode = (path: string) => /^src\/[\w-]+\/assets\//.test(path);
const isJobTypeFile = (path: string) =>
  isIn("job-types")(path) && !/^src\/job-types\/(define|index)\.ts$/.test(path);
const isPackage = (target: string) => !target.startsWith("src/") && !target.startsWith("cloudflare:");
/** What http, queue and webhooks may import of job and places besides types. */
const openToAll = ["src/job/present.ts", "src/job/stub.ts"];
const openToJobTypes = ["src/job-types/define.ts", "src/job-types/dataset.ts"];
const typesForDefine = [
  "src/bulk/jobs.ts",
  "src/core/job.ts",
  "src/datasets/store.ts",
  "src/files/store.ts",
  "src/listing/entry.ts",
];

const rules: Record<string, Rule> = {
  "core imports nothing outside core": {
    check: imports(isIn("core"), "core imports from outside", ({ target }) => !isIn("core")(target)),
    planted: { path: "src/core/job.ts", text: 'import type { z } from "zod";' },
  },
  "nothing imports src/index.ts": {
    check: imports(anywhere, "imports the entry", ({ target }) => target === "src/index.ts"),
    planted: { path: "src/job/object.ts", text: 'import { x } from "../index.ts";' },
  },
  "a job type imports only define.ts, what it shares with another, lib and packages": {
    check: imports(isJobTypeFile, "a job type knows too much", ({ target }) => {
      return !(openToJobTypes.includes(target) || isIn("lib")(target) || isPackage(target));
    }),
    planted: { path: "src/job-types/report.ts", text: 'import { x } from "../queue/run.ts";' },
  },
  "define.ts imports of the service only types, and only of what handlers are given": {
    check: imports(
      (path) => path === "src/job-types/define.ts",
      "define.ts knows too much",
      ({ target, isTypeOnly }) => {
        return !(isPackage(target) || isIn("lib")(target) || (isTypeOnly && typesForDefine.includes(target)));
      },
    ),
    planted: { path: "src/job-types/define.ts", text: 'import { FileStore } from "../files/store.ts";' },
  },
  "http, queue and webhooks reach jobs and places only through RPC: they import types, and present.ts": {
    check: imports(
      isIn("http", "queue", "webhooks"),
      "imports more than a type",
      ({ target, isTypeOnly }) => {
        return isIn("job", "places")(target) && !isTypeOnly && !openToAll.includes(target);
      },
    ),
    planted: {
      path: "src/http/jobs.ts",
      text: 'import {\n  type JobView,\n  x,\n} from "../job/object.ts";',
    },
  },
  "the dashboard knows of the service only what the public API says: it imports types, pages and lib": {
    check: imports(isIn("dashboard"), "goes past the API", ({ target, isTypeOnly }) => {
      return !(isPackage(target) || isIn("dashboard", "lib", "pages")(target) || isTypeOnly);
    }),
    planted: { path: "src/dashboard/list.tsx", text: 'import { jobObject } from "../job/stub.ts";' },
  },
  "the clock and chance have one home": {
    check: onlyIn(
      (path) => path === "src/lib/world.ts" || isBrowserCode(path),
      /\bDate\.now\b|\bnew Date(?:\s*\(\s*\)|(?=[;,)]))|\bMath\.random\b|\b(?:randomUUID|getRandomValues)\b|\bset(?:Timeout|Interval)\b|\bperformance\.now\b/,
      "only src/lib/world.ts may",
    ),
    planted: { path: "src/http/app.ts", text: "const at = new Date( );" },
  },
  "code for browsers imports of the Worker only types, and the words for durations": {
    check: imports(isBrowserCode, "imports from the Worker", ({ target, isTypeOnly }) => {
      return !(isPackage(target) || isBrowserCode(target) || isTypeOnly || target === "src/lib/duration.ts");
    }),
    planted: { path: "src/pages/assets/docs.ts", text: 'import { x } from "../layout.tsx";' },
  },
  "the console has one home": {
    check: onlyIn((path) => path === "src/lib/log.ts", /\bconsole\b/, "only src/lib/log.ts may"),
    planted: { path: "src/queue/run.ts", text: 'console.error("x");' },
  },
  "SQL is spoken only in stores": {
    check: onlyIn(
      (path) => path.endsWith("/store.ts"),
      /\bSELECT\s+[\w*(`$"]|\bINSERT\s+(?:INTO|OR)\b|\bUPDATE\s+\S+\s+SET\b|\bDELETE\s+FROM\b|\b(?:CREATE|DROP|ALTER)\s+TABLE\b/,
      "only a store.ts may",
      "code",
    ),
    planted: { path: "src/listing/object.ts", text: "const sql = `\n  SELECT id FROM jobs`;" },
  },
  "a status begins in waiting.ts and changes only in transition.ts": {
    check: onlyIn(
      (path) => ["src/core/transition.ts", "src/core/waiting.ts", "src/core/lease.ts"].includes(path),
      /\.phase\s*=(?![=>])|\bphase\s*:\s*(?:\{|\w+\.)|\{\s*\.\.\.[^{}]*,\s*phase\s*[,}]/,
      "only src/core/transition.ts may",
    ),
    planted: { path: "src/job/object.ts", text: "const next = { ...job, phase };" },
  },
  "a file has at most 300 lines": {
    check: ({ path, text }) => {
      const lines = text.trimEnd().split("\n").length;
      return lines > LINES_MAX ? [`${path}:${lines}: longer than ${LINES_MAX} lines`] : [];
    },
    planted: { path: "src/http/jobs.ts", text: "\n".repeat(300).concat("x") },
  },
  "nothing is left to be done": {
    check: onlyIn(nowhere, /\b(?:TODO|FIXME|XXX)\b/, "unfinished", "text"),
    planted: { path: "src/env.ts", text: "// TODO: later" },
  },
};

const sources = readSources();

describe.each(Object.entries(rules))("%s", (_name, { check, planted }) => {
  test("in all of src", () => {
    expect(sources.flatMap(check)).toEqual([]);
  });

  test("or it would be found", () => {
    expect(check(sourceOf(planted.path, planted.text))).toHaveLength(1);
  });
});

test("the whole source is read, with its imports", () => {
  expect(sources.map(({ path }) => path)).toContain("src/core/transition.ts");
  const transition = sources.filter(({ path }) => path === "src/core/transition.ts").flatMap(importsOf);
  expect(transition.map(({ target }) => target)).toContain("src/core/wakeup.ts");
});

test("what a comment or a string says is no offence, and what code says beside it is", () => {
  const text = '/* Date.now() */ const a = "console.log"; // Math.random()\nconst b = Date.now();';
  const source = sourceOf("src/http/app.ts", text);
  expect(rules["the console has one home"]?.check(source)).toEqual([]);
  expect(rules["the clock and chance have one home"]?.check(source)).toEqual([
    "src/http/app.ts:2: only src/lib/world.ts may: Date.now",
  ]);
});

test("a type-only import is told from one of values", () => {
  const text = [
    'import type { A } from "../job/object.ts";',
    'import { type A, type B } from "../job/object.ts";',
    'export type { A } from "../job/object.ts";',
    'import { type A, b } from "../job/object.ts";',
    'import "../job/object.ts";',
    'const c = await import("../job/object.ts");',
  ].join("\n");
  const found = importsOf(sourceOf("src/http/app.ts", text));
  expect(found.map(({ isTypeOnly }) => isTypeOnly)).toEqual([true, true, true, false, false, false]);
  expect(found.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6]);
});
