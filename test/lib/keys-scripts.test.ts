/** The scripts about keys, run as a person runs them: each in its own process, with the project's Node. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { openLocalSecrets } from "../../scripts/local-secrets.ts";
import { keyHash, readKey } from "../../src/lib/key.ts";

const root = fileURLToPath(new URL("../..", import.meta.url).href);

const stateDir = mkdtempSync(join(tmpdir(), "accepted-test-"));
afterAll(() => rmSync(stateDir, { recursive: true }));

function run(script: string, args: string[], state = stateDir) {
  const { status, stdout, stderr } = spawnSync("node_modules/.bin/node", [`scripts/${script}.ts`, ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, STATE_DIR: state },
  });
  return { status, stdout, stderr };
}

const kept = {
  admin: "acpt_admin_…",
  acme: { full: "acpt_acme_1", read: "acpt_acme_2" },
  globex: { full: "acpt_globex_1", read: "acpt_globex_2" },
};

test("dev-keys: never started → exit code 1, and what to do", () => {
  const { status, stdout, stderr } = run("dev-keys", [], join(stateDir, "none"));
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("npm start");
});

test("dev-keys: nothing, a tenant, an unknown tenant → all keys, its full key, the known tenants", () => {
  writeFileSync(join(stateDir, "keys.json"), JSON.stringify(kept));
  expect(JSON.parse(run("dev-keys", []).stdout)).toEqual(kept);
  expect(run("dev-keys", ["acme"])).toEqual({ status: 0, stdout: "acpt_acme_1\n", stderr: "" });
  const unknown = run("dev-keys", ["toString"]);
  expect([unknown.status, unknown.stdout]).toEqual([1, ""]);
  expect(unknown.stderr).toContain("acme, globex");
});

test("local secrets: another state directory → others, and the seed is its owner's alone", async () => {
  const other = mkdtempSync(join(tmpdir(), "accepted-test-"));
  const both = await Promise.all([openLocalSecrets(other), openLocalSecrets(other)]);
  expect(both[0]).toEqual(both[1]);
  const own = await openLocalSecrets(stateDir);
  for (const name of ["SIGNING_SECRET", "ADMIN_KEYS", "WEBHOOK_SECRET"] as const)
    expect(both[0].variables[name]).not.toBe(own.variables[name]);
  expect(statSync(join(other, "seed")).mode & 0o777).toBe(0o600);
  rmSync(other, { recursive: true });
});

test("local secrets: the root key → one that ADMIN_KEYS lets in", async () => {
  const { rootKey, variables } = await openLocalSecrets(stateDir);
  expect((await readKey(rootKey, variables.SIGNING_SECRET))?.owner).toBe("admin");
  expect(variables.ADMIN_KEYS).toBe(await keyHash(rootKey));
});

test.each([
  [[], "Name a command."],
  [["shred", "--tenant", "acme"], "There is no command shred."],
  [["create"], "--tenant is missing."],
  [["create", "--tenant", "acme", "--url", "https://jobs.example.com"], "ADMIN_KEY"],
  [["create", "--tenant", "acme", "--admin"], "--admin"],
])("keys %j → exit code 1, a clear message and no key", (args, message) => {
  const { status, stdout, stderr } = run("keys", args);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/acpt_|\n {4}at /);
});
