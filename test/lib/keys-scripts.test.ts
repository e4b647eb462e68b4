/** The two scripts, run as a person runs them: each in its own process, with the project's Node. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { deriveLocalSecrets, openLocalSecrets } from "../../scripts/local-secrets.ts";
import { ApiKeySchema } from "../../src/api/middleware/keys.ts";
import { isKey, keyHash } from "../../src/lib/key.ts";

const root = fileURLToPath(new URL("../..", import.meta.url).href);

const stateDir = mkdtempSync(join(tmpdir(), "accepted-test-"));
afterAll(() => rmSync(stateDir, { recursive: true }));

function run(script: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync("node_modules/.bin/node", [`scripts/${script}.ts`, ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, STATE_DIR: stateDir },
  });
  return { status, stdout, stderr };
}

describe("dev-keys", () => {
  test("dev-keys: no argument → the keys of both tenants as JSON, the same from the first call on", async () => {
    const { status, stdout } = run("dev-keys");
    expect(status).toBe(0);
    const keys = JSON.parse(stdout);
    expect(keys).toEqual({
      acme: { full: expect.any(String), read: expect.any(String) },
      globex: { full: expect.any(String), read: expect.any(String) },
    });
    expect(keys).toEqual((await openLocalSecrets(stateDir)).keys);
  });

  test("dev-keys: tenant → its full key and nothing else", async () => {
    const { acme } = (await openLocalSecrets(stateDir)).keys;
    expect(run("dev-keys", "acme")).toEqual({ status: 0, stdout: `${acme.full}\n`, stderr: "" });
  });

  test("dev-keys: unknown tenant → exit code 1, and the known tenants", () => {
    const { status, stdout, stderr } = run("dev-keys", "toString");
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("acme, globex");
  });

  test("local secrets: another state directory → others, and the seed is its owner's alone", async () => {
    const other = mkdtempSync(join(tmpdir(), "accepted-test-"));
    const both = await Promise.all([openLocalSecrets(other), openLocalSecrets(other)]);
    expect(both[0]).toEqual(both[1]);
    const own = await openLocalSecrets(stateDir);
    expect(both[0].keys.acme.full).not.toBe(own.keys.acme.full);
    expect(both[0].webhookSecret).not.toBe(own.webhookSecret);
    expect(statSync(join(other, "seed")).mode & 0o777).toBe(0o600);
    rmSync(other, { recursive: true });
  });

  test("local keys: two tenants → four different keys, listed with their scopes", async () => {
    const {
      keys: { acme, globex },
      apiKeys: text,
    } = await deriveLocalSecrets("a seed");
    const keys = [acme.full, acme.read, globex.full, globex.read];
    expect(new Set(keys).size).toBe(4);
    expect(keys.every(isKey)).toBe(true);
    const both = ["jobs:read", "jobs:write"];
    expect(ApiKeySchema.array().parse(JSON.parse(text))).toMatchObject([
      { hash: await keyHash(acme.full), tenant: "acme", scopes: both },
      { hash: await keyHash(acme.read), tenant: "acme", scopes: ["jobs:read"] },
      { hash: await keyHash(globex.full), tenant: "globex", scopes: both },
      { hash: await keyHash(globex.read), tenant: "globex", scopes: ["jobs:read"] },
    ]);
    for (const key of keys) expect(text).not.toContain(key);
  });
});

describe("new-key", () => {
  test("new-key: valid options → the key once, its entry, and how to store it", async () => {
    const expires = "2999-01-01T00:00:00Z";
    const args = ["--tenant", "acme", "--scopes", "jobs:read", "--expires", expires, "--name", "the shop"];
    const { status, stdout } = run("new-key", ...args);
    expect(status).toBe(0);
    const [key = "", ...more] = stdout.match(/acpt_\w+/g) ?? [];
    expect(isKey(key)).toBe(true);
    expect(more).toEqual([]);
    expect(ApiKeySchema.parse(JSON.parse(stdout.match(/\{.*\}/)?.[0] ?? ""))).toEqual({
      hash: await keyHash(key),
      tenant: "acme",
      scopes: ["jobs:read"],
      expires_at: expires,
      name: "the shop",
    });
    expect(stdout).toContain("wrangler secret put API_KEYS");
  });

  test.each([
    ["no --expires", [], 365 * 86_400_000],
    ["--expires never", ["--expires", "never"], null],
  ])("new-key: %s → the key ends in a year, or never", (_what, args, lifeMs) => {
    const { stdout } = run("new-key", "--tenant", "acme", ...args);
    const { expires_at } = ApiKeySchema.parse(JSON.parse(stdout.match(/\{.*\}/)?.[0] ?? ""));
    const left = expires_at === undefined ? null : Date.parse(expires_at) - Date.now();
    if (lifeMs === null) expect(left).toBeNull();
    else expect((left ?? 0) / lifeMs).toBeCloseTo(1, 3);
  });

  test.each([
    ["no tenant", [], "--tenant is missing"],
    ["a bad tenant", ["--tenant", "Acme Inc"], "--tenant:"],
    ["an unknown scope", ["--tenant", "acme", "--scopes", "jobs:read,admin"], "--scopes:"],
    ["no scope", ["--tenant", "acme", "--scopes", ""], "--scopes:"],
    ["a bad time", ["--tenant", "acme", "--expires", "tomorrow"], "--expires:"],
    ["a past time", ["--tenant", "acme", "--expires", "2020-01-01T00:00:00Z"], "--expires lies in the past"],
    ["an unknown option", ["--tenant", "acme", "--admin"], "--admin"],
  ])("new-key: %s → exit code 1, a clear message and no key", (_what, args, message) => {
    const { status, stdout, stderr } = run("new-key", ...args);
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/acpt_|\n {4}at /);
  });
});
