/** What would be deployed can be seen without network or account: it builds, and all its bindings are there. */

import { expect, test } from "vitest";
import { finishNpmRun } from "./scripts.ts";

const noAccount = { CLOUDFLARE_API_TOKEN: "", CLOUDFLARE_ACCOUNT_ID: "" };

test("a dry run builds the Worker, prints its bindings and deploys nothing", async () => {
  const { status, stdout } = await finishNpmRun("deploy", ["--dry-run"], noAccount);
  expect(status).toBe(0);
  for (const binding of [
    "JOBS",
    "UNIQUE_KEYS",
    "FILE_RECORDS",
    "DATASETS",
    "JOB_QUEUE_SHORT_0",
    "JOB_QUEUE_LONG_3",
    "FILES",
    "KEY_LIMITER",
    "LEASE_MS",
  ]) {
    expect(stdout).toMatch(new RegExp(`env\\.${binding} .*\\S`));
  }
  expect(stdout).toContain('env.LOCAL_QUEUE ("false")');
  expect(stdout).toContain('env.ALLOW_LOCALHOST_URLS ("false")');
  expect(stdout).toContain("--dry-run: exiting now.");
});

test("an unknown option is refused before anything is done", async () => {
  const { status, stdout, stderr } = await finishNpmRun("deploy", ["--force"], noAccount);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("--force");
});
