/** No regular expression of the service takes more than linear time, whatever a client sends (CWE-1333). */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findPatterns, superLinear } from "../support/patterns.ts";

const root = join(import.meta.dirname, "../..");

test("patterns of src: each → linear time", () => {
  const paths = globSync("src/**/*.{ts,tsx}", { cwd: root });
  const patterns = paths.flatMap((path) =>
    findPatterns(readFileSync(join(root, path), "utf8"), path.endsWith("x") ? "tsx" : "ts").map(
      (pattern) => ({ path, ...pattern }),
    ),
  );
  expect(patterns.length).toBeGreaterThan(60);
  const slow = patterns.flatMap((pattern) =>
    superLinear(pattern).map((why) => `${pattern.path}: /${pattern.source}/${pattern.flags} is ${why}`),
  );
  expect(slow).toEqual([]);
});

test.each([
  String.raw`const a = /^\s*(x)?\s*$/;`,
  'const a = new RegExp("(a+)+b");',
  "const a: string = <b>{/^[^,]*,?[^,]*;$/.exec(x) as never}</b>;",
])("planted pattern %s → reported", (code) => {
  expect(findPatterns(code, "tsx").flatMap(superLinear)).not.toEqual([]);
});
