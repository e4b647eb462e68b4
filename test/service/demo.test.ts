/** The demo runs to its end by itself, shows and checks what it does, and leaves nothing behind. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { finishNpmRun } from "./scripts.ts";

test("demo: two scenes → shown, checked, and everything removed", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "accepted-test-"));
  const args = ["--scenes", "import,fail"];
  const { status, stdout, stderr, leftBehind } = await finishNpmRun("demo", args, { TMPDIR: scratch });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  for (const shown of [
    /POST \/v1\/jobs {2}csv\.import +202 {2}job_\w+, queued/,
    /100 % {2}7213 rows, published/,
    /reference +ref_\w+/,
    /All \d+ claims hold\./,
  ]) {
    expect(stdout).toMatch(shown);
  }
  expect(stdout).not.toContain("✗");
  expect(leftBehind).toEqual([]);
  const isOurs = (name: string) => name !== "node-compile-cache";
  expect((await readdir(scratch)).filter(isOurs)).toEqual([]);
  await rm(scratch, { recursive: true });
});

test("demo: an unknown scene → named, with the scenes there are", async () => {
  const { status, stderr } = await finishNpmRun("demo", ["--scenes", "sing"]);
  expect(status).toBe(1);
  expect(stderr).toContain('There is no scene "sing". Scenes: import, report,');
});
