import { describe, expect, it } from "vitest";
import { derivedId, isId, randomId } from "../../src/lib/id.ts";

describe("a random id", () => {
  it("is its prefix, its version and 120 bits in base 32", () => {
    expect(randomId("job")).toMatch(/^job_01[0-9a-hjkmnp-tv-z]{24}$/);
  });

  it("never comes twice", () => {
    const ids = Array.from({ length: 10_000 }, () => randomId("job"));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("a derived id", () => {
  it("is the same for the same parts", async () => {
    const id = await derivedId("job", "acme", "k1");
    expect(id).toBe(await derivedId("job", "acme", "k1"));
    expect(isId("job", id)).toBe(true);
  });

  it("differs when the parts differ, also only in where one ends", async () => {
    const ids = await Promise.all([
      derivedId("job", "acme", "k1"),
      derivedId("job", "acmek", "1"),
      derivedId("job", "acme", "k1", ""),
      derivedId("job", 'acme","k1'),
      derivedId("job", "k1", "acme"),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("isId", () => {
  it("knows an id by prefix, version, alphabet and length", () => {
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
