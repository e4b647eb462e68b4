import { describe, expect, test } from "vitest";
import { derivedOwnedId, isId, isOwnedId, randomId, randomOwnedId } from "../../src/lib/id.ts";

describe("a random id", () => {
  test("is its prefix, its version and 120 bits in base 32", () => {
    expect(randomId("job")).toMatch(/^job_01[0-9a-hjkmnp-tv-z]{24}$/);
  });

  test("never comes twice", () => {
    const ids = Array.from({ length: 10_000 }, () => randomId("job"));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("a derived id", () => {
  test("is the same for the same owner and name", async () => {
    const id = await derivedOwnedId("job", "acme", "k1");
    expect(id).toBe(await derivedOwnedId("job", "acme", "k1"));
    expect(isId("job", id)).toBe(true);
  });

  test("differs when owner or name differ, also only in where one ends", async () => {
    const ids = await Promise.all([
      derivedOwnedId("job", "acme", "k1"),
      derivedOwnedId("job", "acmek", "1"),
      derivedOwnedId("job", 'acme","k1', ""),
      derivedOwnedId("job", "k1", "acme"),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("an owned id", () => {
  test("is known to be its owner's, whether random or derived", async () => {
    for (const id of [await randomOwnedId("job", "acme"), await derivedOwnedId("job", "acme", "k1")]) {
      expect(await isOwnedId("job", "acme", id)).toBe(true);
      expect(await isOwnedId("job", "globex", id)).toBe(false);
      expect(await isOwnedId("file", "acme", id)).toBe(false);
    }
  });

  test("is not met by chance", async () => {
    const guesses = Array.from({ length: 2_000 }, () => randomId("job"));
    const met = await Promise.all(guesses.map((id) => isOwnedId("job", "acme", id)));
    expect(met.filter(Boolean).length).toBeLessThanOrEqual(1);
  });
});

describe("isId", () => {
  test("knows an id by prefix, version, alphabet and length", () => {
    const id = randomId("job");
    expect(isId("job", id)).toBe(true);
    const others = [
      "",
      "job_",
      id.slice(0, -1),
      `${id}0`,
      `${id}\n`,
      id.toUpperCase(),
      `job_02${id.slice(6)}`,
      `${id.slice(0, -1)}u`,
      `../${id}`,
      id.replace("job", "file"),
    ];
    for (const text of others) expect(isId("job", text), text).toBe(false);
  });
});
