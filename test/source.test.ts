/**
 * Rules of the source that Biome cannot express. Each is also shown a planted offence, so that none of them passes by
 * looking away.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";

/** `code` is the text without comments, line for line; `inert` has its strings emptied, too. */
type Source = { path: string; text: string; code: string; inert: string };
type Import = { path: string; line: number; target: string; isTypeOnly: boolean };
/** Returns the offences in one file, each as "path:line: reason". */
type Check = (source: Source) => string[];
type Rule = { check: Check; planted: { path: string; text: string } };

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
function imports(
  from: (path: string) => boolean,
  reason: string,
  isOffence: (found: Import) => boolean,
): Check {
  return (source) =>
    from(source.path)
      ? importsOf(source)
          .filter(isOffence)
          .map(({ path, line, target }) => `${path}:${line}: ${reason}: ${target}`)
      : [];
}

/** The pattern may match only in the files chosen by `home`. */
function onlyIn(
  home: (path: string) => boolean,
  pattern: RegExp,
  reason: string,
  view: "code" | "inert" | "text" = "inert",
): Check {
  return (source) =>
    home(source.path)
      ? []
      : [...source[view].matchAll(new RegExp(pattern, "g"))].map(
          (match) => `${source.path}:${lineAt(source[view], match.index)}: ${reason}: ${match[0].trim()}`,
        );
}

/** Code for browsers has their clock and timers. */
const isBrowserCode = (path: string) => /^src\/[\w-]+\/client\//.test(path);
const isPackage = (target: string) => !target.startsWith("src/") && !target.startsWith("cloudflare:");
const lifecycle = ["transition", "dispatch", "lease"].map((name) => `src/core/${name}.ts`);

const rules: Record<string, Rule> = {
  "define.ts: imports types of the service only, and durations": {
    check: imports(
      (path) => path === "src/job-types/define.ts",
      "define.ts knows too much",
      ({ target, isTypeOnly }) => !(isPackage(target) || isTypeOnly || target === "src/core/time.ts"),
    ),
    planted: { path: "src/job-types/define.ts", text: 'import { FileStore } from "../files/store.ts";' },
  },
  "dashboard: uses the public API and its own sessions only, so it imports types, durations, site and lib": {
    check: imports(isIn("dashboard"), "goes past the API", ({ target, isTypeOnly }) => {
      const isAllowed =
        isIn("dashboard", "lib", "site")(target) ||
        ["src/core/time.ts", "src/rpc/session.ts"].includes(target);
      return !(isPackage(target) || isAllowed || isTypeOnly);
    }),
    planted: { path: "src/dashboard/pages/list.tsx", text: 'import { jobObject } from "../../rpc/job.ts";' },
  },
  "browser code: imports types and durations of the Worker only": {
    check: imports(isBrowserCode, "imports from the Worker", ({ target, isTypeOnly }) => {
      return !(isPackage(target) || isBrowserCode(target) || isTypeOnly || target === "src/lib/duration.ts");
    }),
    planted: { path: "src/site/client/docs.ts", text: 'import { x } from "../layout.tsx";' },
  },
  "clock and randomness: only in lib/runtime.ts": {
    check: onlyIn(
      (path) => path === "src/lib/runtime.ts" || isBrowserCode(path),
      /\bDate\.now\b|\bnew Date(?:\s*\(\s*\)|(?=[;,)]))|\bMath\.random\b|\b(?:randomUUID|getRandomValues)\b/,
      "only src/lib/runtime.ts may",
    ),
    planted: { path: "src/app.ts", text: "const at = new Date( );" },
  },
  "SQL: only in stores": {
    check: onlyIn(
      (path) => path.endsWith("store.ts"),
      /\bSELECT\s+[\w*(`$"]|\bINSERT\s+(?:INTO|OR)\b|\bUPDATE\s+\S+\s+SET\b|\bDELETE\s+FROM\b|\b(?:CREATE|DROP|ALTER)\s+TABLE\b/,
      "only a store.ts may",
      "code",
    ),
    planted: { path: "src/objects/job-index/object.ts", text: "const sql = `\n  SELECT id FROM jobs`;" },
  },
  "status: begins in dispatch.ts and changes only in transition.ts": {
    check: onlyIn(
      (path) => lifecycle.includes(path),
      /\.phase\s*=(?![=>])|\bphase\s*:\s*(?:\{|\w+\.)|\{\s*\.\.\.[^{}]*,\s*phase\s*[,}]/,
      "only src/core/transition.ts may",
    ),
    planted: { path: "src/objects/job/object.ts", text: "const next = { ...job, phase };" },
  },
  "nothing is left to be done": {
    check: onlyIn(() => false, /\b(?:TODO|FIXME|XXX)\b/, "unfinished", "text"),
    planted: { path: "src/env.ts", text: "// TODO: later" },
  },
};

const sources = readSources();

describe.each(Object.entries(rules))("%s", (_name, { check, planted }) => {
  test("all of src: → no offence", () => expect(sources.flatMap(check)).toEqual([]));

  test("a planted offence: → found", () => {
    expect(check(sourceOf(planted.path, planted.text))).toHaveLength(1);
  });
});

test("the whole source: → read, with its imports", () => {
  const transition = sources.filter(({ path }) => path === "src/core/transition.ts").flatMap(importsOf);
  expect(transition.map(({ target }) => target)).toContain("src/core/timeouts.ts");
});

test("comments and strings: name a forbidden call → no offence; code beside them → found", () => {
  const text = '/* Date.now() */ const a = "Math.random"; // Math.random()\nconst b = Date.now();';
  expect(rules["clock and randomness: only in lib/runtime.ts"]?.check(sourceOf("src/app.ts", text))).toEqual([
    "src/app.ts:2: only src/lib/runtime.ts may: Date.now",
  ]);
});

test("imports: of types only → distinguished from imports of values", () => {
  const text = [
    'import type { A } from "../rpc/job.ts";',
    'import { type A, type B } from "../rpc/job.ts";',
    'export type { A } from "../rpc/job.ts";',
    'import { type A, b } from "../rpc/job.ts";',
    'import "../rpc/job.ts";',
    'const c = await import("../rpc/job.ts");',
  ].join("\n");
  const found = importsOf(sourceOf("src/api/problems.ts", text));
  expect(found.map(({ isTypeOnly }) => isTypeOnly)).toEqual([true, true, true, false, false, false]);
  expect(found.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6]);
});
