/** Refuses a second export of a name in `src`, and top-level names that several files declare without a reason. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Source = { path: string; text: string };

/** Names that several files may declare, and why. */
const SHARED: Readonly<Record<string, string>> = {};

const DECLARATION =
  /^(export )?(?:default )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|type|interface|enum) ([A-Za-z_$][\w$]*)/gm;

/** One message per name that is exported twice, or declared in several files without a reason. */
export function findDuplicateNames(sources: readonly Source[]): string[] {
  const exported = new Map<string, Set<string>>();
  const declared = new Map<string, Set<string>>();
  for (const { path, text } of sources) {
    for (const [, isExported, name = ""] of text.matchAll(DECLARATION)) {
      if (isExported) exported.set(name, (exported.get(name) ?? new Set()).add(path));
      declared.set(name, (declared.get(name) ?? new Set()).add(path));
    }
  }
  const several = ([, paths]: [string, Set<string>]) => paths.size > 1;
  const list = (paths: Set<string>) => [...paths].sort().join(", ");
  return [
    ...[...exported].filter(several).map(([name, paths]) => `${name} is exported by ${list(paths)}`),
    ...[...declared]
      .filter(several)
      .filter(([name]) => !exported.get(name) || (exported.get(name)?.size ?? 0) === 1)
      .filter(([name]) => SHARED[name] === undefined)
      .map(([name, paths]) => `${name} is declared by ${list(paths)}`),
  ];
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const paths = globSync("src/**/*.{ts,tsx}", { cwd: root }).filter((path) => !path.endsWith(".d.ts"));
  const messages = findDuplicateNames(
    paths.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })),
  );
  for (const message of messages) console.error(message);
  if (messages.length > 0) process.exitCode = 1;
}
