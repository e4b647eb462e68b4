/**
 * Refuses words of the first vocabulary in code, comments and documents: each idea has one name, the field's own.
 * `node scripts/check-words.ts` lists every offence with the word to use; files in `allowed` may still have some.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { allowed, rules } from "./check-words-rules.ts";

export type Offence = { path: string; line: number; word: string; instead: string };

/** The offences of one text. */
export function findOldWords(path: string, text: string): Offence[] {
  return text.split("\n").flatMap((content, index) =>
    rules.flatMap(({ pattern, instead }) =>
      [...content.matchAll(new RegExp(pattern, "g"))].map(([word]) => ({
        path,
        line: index + 1,
        word,
        instead,
      })),
    ),
  );
}

function checkedFiles(root: string): string[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listed
    .split("\n")
    .filter((path) => /^(src|test|conformance|scripts|bench|docs|examples)\/|^README\.md$/.test(path))
    .filter((path) => /\.(ts|tsx|md|css)$/.test(path) && !path.startsWith("scripts/check-words"))
    .filter((path) => existsSync(join(root, path)));
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const counts = new Map<string, Offence[]>();
  for (const path of checkedFiles(root)) {
    const found = findOldWords(path, readFileSync(join(root, path), "utf8"));
    if (found.length > 0) counts.set(path, found);
  }
  const broken = [...counts].filter(([path, found]) => found.length > (allowed[path] ?? 0));
  const shrunk = Object.entries(allowed).filter(
    ([path, most]) => existsSync(join(root, path)) && (counts.get(path)?.length ?? 0) < most,
  );
  for (const [, found] of broken)
    for (const { path, line, word, instead } of found)
      console.error(`${path}:${line}: "${word}": use ${instead}`);
  for (const [path] of shrunk)
    console.error(`${path} has fewer old words now: lower its number in scripts/check-words-rules.ts`);
  if (broken.length + shrunk.length > 0) process.exitCode = 1;
}
