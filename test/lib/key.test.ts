import { describe, expect, test } from "vitest";
import { ADMIN, isKeyId, keyHash, makeKey, newKeyId, readKey } from "../../src/lib/key.ts";

const SECRET = "the signing secret of a deployment";
const bytes = (fill: number, count = 32) => new Uint8Array(count).fill(fill);
const name = { owner: "acme", id: "key_3kQz9fVbT0aa" };

describe("an API key", () => {
  test("key: 32 bytes → the prefix, the tenant, the id, 32 random characters and a MAC of 10", async () => {
    for (const fill of [0, 1, 127, 255])
      expect(await makeKey(name, bytes(fill), SECRET)).toMatch(/^acpt_acme_3kQz9fVbT0aa_[0-9A-Za-z]{42}$/);
  });

  test("key: the same bytes → the same key, so keys that were handed out go on working", async () => {
    const madeBefore = "f1b48232fd80dcc8af327e822b6506e6c5f4144ead9e332a91b0c0bf7a873d51";
    expect(await keyHash(await makeKey(name, bytes(7), SECRET))).toBe(madeBefore);
  });

  test("key: other bytes → another key", async () => {
    const keys = await Promise.all(
      Array.from({ length: 256 }, (_, fill) => makeKey(name, bytes(fill), SECRET)),
    );
    expect(new Set(keys).size).toBe(256);
  });

  test("key: too few bytes → refused", async () => {
    await expect(makeKey(name, bytes(1, 31), SECRET)).rejects.toThrow(RangeError);
  });

  test("key: issued here → its name; by another deployment, or garbage → none", async () => {
    const key = await makeKey(name, bytes(42), SECRET);
    expect(await readKey(key, SECRET)).toEqual(name);
    expect(await readKey(key, "the signing secret of another one")).toBeNull();
    const garbage = [
      "",
      "acpt_",
      "secret",
      key.slice(0, -1),
      `${key}0`,
      ` ${key}`,
      `${key}\n`,
      key.replace("acpt_", "ACPT_"),
      key.replace("acme", "Acme"),
      key.replace("acme", "globex"),
      `${key.slice(0, -1)}é`,
    ];
    for (const text of garbage) expect(await readKey(text, SECRET), text).toBeNull();
  });

  test("key: any single character changed → refused", async () => {
    const key = await makeKey(name, bytes(99), SECRET);
    for (let at = 5; at < key.length; at++) {
      const other = key.charAt(at) === "a" ? "b" : "a";
      expect(await readKey(key.slice(0, at) + other + key.slice(at + 1), SECRET)).toBeNull();
    }
  });

  test("root key: made without the secret → read by every deployment, whose list decides", async () => {
    const root = { owner: ADMIN, id: newKeyId() };
    expect(await readKey(await makeKey(root, bytes(1), ""), SECRET)).toEqual(root);
  });

  test("id of a key: new ones → their own form, and no two alike", () => {
    const ids = Array.from({ length: 1_000 }, newKeyId);
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.every(isKeyId)).toBe(true);
  });

  test("hash: a text → its SHA-256", async () => {
    expect(await keyHash("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
