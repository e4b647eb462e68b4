import { describe, expect, test } from "vitest";
import { fingerprint, hex, sha256 } from "../../src/lib/hash.ts";

describe("sha256", () => {
  test("gives FIPS 180-4's own examples", async () => {
    expect(hex(await sha256("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hex(await sha256(""))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("takes a text as its UTF-8", async () => {
    expect(hex(await sha256("ü"))).toBe(hex(await sha256(new Uint8Array([0xc3, 0xbc]))));
  });
});

describe("hex", () => {
  test("gives two digits a byte", () => {
    expect(hex(new Uint8Array([0, 1, 15, 16, 255]))).toBe("00010f10ff");
  });
});

describe("fingerprint", () => {
  test("is the same whatever the order of the keys, at any depth", async () => {
    const one = await fingerprint({ a: 1, b: { c: [1, 2], d: null } });
    expect(await fingerprint({ b: { d: null, c: [1, 2] }, a: 1 })).toBe(one);
  });

  test("is the same for two spellings of one number", async () => {
    expect(await fingerprint(JSON.parse("[1.0, 1e2]"))).toBe(await fingerprint([1, 100]));
  });

  test("differs when anything else does", async () => {
    const values = [{ a: 1 }, { a: "1" }, { a: [1] }, { a: null }, {}, [], null, "", 0, false, { b: 1 }];
    const prints = await Promise.all(values.map(fingerprint));
    expect(new Set(prints).size).toBe(values.length);
  });

  test("differs when the order of a list does", async () => {
    expect(await fingerprint([1, 2])).not.toBe(await fingerprint([2, 1]));
  });
});
