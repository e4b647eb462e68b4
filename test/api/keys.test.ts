import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findKey } from "../../src/api/middleware/keys.ts";
import { keyHash, makeKey } from "../../src/lib/key.ts";
import { randomBytes } from "../../src/lib/runtime.ts";
import { captureLog, type LogRecord } from "../support/log.ts";

const NOW = Date.parse("2026-11-15T12:00:00Z");

/** A list text that was never read before, so that each test meets a fresh reading of it. */
async function listOf(...entries: object[]): Promise<string> {
  const unused = { hash: await keyHash(newKey()), tenant: "unused", scopes: ["jobs:read"] };
  return JSON.stringify([...entries, unused]);
}

const newKey = () => makeKey(randomBytes(32));

let logged: LogRecord[] = [];
beforeEach(() => {
  logged = captureLog();
});
afterEach(() => vi.restoreAllMocks());

describe("a listed key", () => {
  test("lets its tenant in with its scopes, and is named by the start of its hash", async () => {
    const key = newKey();
    const hash = await keyHash(key);
    const text = await listOf({ hash, tenant: "acme", scopes: ["jobs:read", "jobs:write"], name: "shop" });
    expect(await findKey(text, key, NOW)).toEqual({
      ok: true,
      tenant: "acme",
      scopes: ["jobs:read", "jobs:write"],
      keyId: hash.slice(0, 12),
    });
    expect(logged).toEqual([]);
  });

  test("goes on working beside its successor", async () => {
    const [old, next] = [newKey(), newKey()];
    const entry = async (key: string) => ({
      hash: await keyHash(key),
      tenant: "acme",
      scopes: ["jobs:read"],
    });
    const text = await listOf(await entry(old), await entry(next));
    for (const key of [old, next]) expect(await findKey(text, key, NOW)).toMatchObject({ tenant: "acme" });
  });

  test("works until it expires, and not at that moment", async () => {
    const key = newKey();
    const expires_at = "2026-11-15T13:00:00+01:00";
    const text = await listOf({
      hash: await keyHash(key),
      tenant: "acme",
      scopes: ["jobs:read"],
      expires_at,
    });
    expect(await findKey(text, key, NOW - 1)).toMatchObject({ ok: true });
    expect(await findKey(text, key, NOW)).toMatchObject({ ok: false, reason: "expired" });
  });
});

describe("any other key", () => {
  test("is refused", async () => {
    expect(await findKey(await listOf(), newKey(), NOW)).toEqual({ ok: false, reason: "unknown" });
    expect(await findKey("[]", newKey(), NOW)).toEqual({ ok: false, reason: "unknown" });
  });

  test("is refused for its shape before it is hashed", async () => {
    const text = await listOf();
    const digest = vi.spyOn(crypto.subtle, "digest");
    const garbage = ["", "acpt_", "Bearer x", `${newKey()}x`, "x".repeat(100_000)];
    for (const token of garbage)
      expect(await findKey(text, token, NOW)).toEqual({ ok: false, reason: "malformed" });
    expect(digest).not.toHaveBeenCalled();
  });

  test("is compared with every entry, whether or not one matched before", async () => {
    const keys = [newKey(), newKey(), newKey()];
    const entries = keys.map(async (key) => ({
      hash: await keyHash(key),
      tenant: "a",
      scopes: ["jobs:read"],
    }));
    const text = await listOf(...(await Promise.all(entries)));
    const compare = vi.spyOn(crypto.subtle, "timingSafeEqual");
    for (const key of [...keys, newKey()]) {
      compare.mockClear();
      await findKey(text, key, NOW);
      expect(compare).toHaveBeenCalledTimes(4);
    }
  });
});

describe("without a readable list", () => {
  const good = { hash: "a".repeat(64), tenant: "acme", scopes: ["jobs:read"] };
  const bad: [string, unknown][] = [
    ["no list", { keys: [good] }],
    ["a key in place of its hash", [{ ...good, hash: "acpt_secret" }]],
    ["an upper-case hash", [{ ...good, hash: "A".repeat(64) }]],
    ["a bad tenant", [{ ...good, tenant: "Acme" }]],
    ["a tenant that is too long", [{ ...good, tenant: "a".repeat(41) }]],
    ["no scopes", [{ ...good, scopes: [] }]],
    ["an unknown scope", [{ ...good, scopes: ["jobs:read", "admin"] }]],
    ["an expiry that is no time", [{ ...good, expires_at: "tomorrow" }]],
    ["an expiry without an offset", [{ ...good, expires_at: "2027-01-01T00:00:00" }]],
    ["an unknown field", [{ ...good, expires: "2027-01-01T00:00:00Z" }]],
    ["a hash twice", [good, { ...good, tenant: "globex" }]],
    ["one bad entry among good ones", [good, { ...good, hash: "b".repeat(63) }]],
  ];

  test.each(bad)("(%s) everything is refused", async (_what, list) => {
    expect(await findKey(JSON.stringify(list), newKey(), NOW)).toEqual({
      ok: false,
      reason: "not_configured",
    });
  });

  test("the log says so once, says what to do, and quotes nothing of the secret", async () => {
    for (const text of [undefined, "", "acpt_secret", JSON.stringify([{ ...good, hash: "acpt_secret" }])]) {
      logged.length = 0;
      for (let times = 0; times < 3; times++) await findKey(text, newKey(), NOW);
      expect(logged).toHaveLength(1);
      expect(JSON.stringify(logged[0])).toContain("wrangler secret put API_KEYS");
      expect(JSON.stringify(logged[0])).not.toContain("acpt_");
    }
  });
});
