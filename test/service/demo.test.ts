/** The demo runs to its end by itself, shows every outcome, and leaves nothing behind. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { finishNpmRun } from "./scripts.ts";

test("the demo shows a client's life, checks it, and removes all it made", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "accepted-test-"));
  const { status, stdout, stderr, leftBehind } = await finishNpmRun("demo", [], { TMPDIR: scratch });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  for (const shown of [
    /POST \/v1\/jobs {2}csv\.import +202 {2}job_\w+, queued/,
    /100 % {2}7213 rows, published/,
    /Phase of flight +count +sum_Cost Total \$/,
    /missing_in_statement +3 +3/,
    /running \(waiting_to_retry\), attempt 1/,
    /attempts +failed, succeeded/,
    /reference +ref_\w+/,
    /acknowledged_at +20\d\d-/,
    /Idempotent-Replayed: true/,
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
