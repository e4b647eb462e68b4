import { describe, expect, test } from "vitest";
import { isKey, keyHash, makeKey } from "../../src/lib/key.ts";

const bytes = (fill: number, count = 32) => new Uint8Array(count).fill(fill);

describe("an API key", () => {
  test("is the prefix, 32 characters and a checksum of 6", () => {
    for (const fill of [0, 1, 127, 255]) expect(makeKey(bytes(fill))).toMatch(/^acpt_[0-9A-Za-z]{38}$/);
  });

  test("stays the same for the same bytes, for ever: keys that were handed out must go on working", async () => {
    const madeElsewhere = "290a5bcd160c8f70cc6231f852d706d9fe04287a559ea254e161dd8c68beeea2";
    expect(await keyHash(makeKey(bytes(7)))).toBe(madeElsewhere);
  });

  test("differs for different bytes", () => {
    const keys = Array.from({ length: 256 }, (_, fill) => makeKey(bytes(fill)));
    expect(new Set(keys).size).toBe(256);
  });

  test("is not made of too few bytes", () => {
    expect(() => makeKey(bytes(1, 23))).toThrow(RangeError);
    expect(isKey(makeKey(bytes(1, 24)))).toBe(true);
  });

  test("is recognised, and garbage is not", () => {
    const key = makeKey(bytes(42));
    expect(isKey(key)).toBe(true);
    const garbage = [
      "",
      "acpt_",
      "secret",
      key.slice(0, -1),
      `${key}0`,
      ` ${key}`,
      `${key}\n`,
      key.replace("acpt_", "ACPT_"),
      key.replace("acpt_", "sk_live_"),
      `${key.slice(0, -1)}é`,
      `acpt_${"0".repeat(38)}`,
    ];
    for (const text of garbage) expect(isKey(text), text).toBe(false);
  });

  test("is not recognised with any single character changed", () => {
    const key = makeKey(bytes(99));
    for (let at = 5; at < key.length; at++) {
      const other = key.charAt(at) === "a" ? "b" : "a";
      expect(isKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
  });

  test("is stored as its SHA-256", async () => {
    expect(await keyHash("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
