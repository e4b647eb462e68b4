/** Ids: unique, of one form, and of a job the way to its object. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isId, makeJobId, objectIdOf, randomId } from "../../src/lib/id.ts";

const hexId = () => fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 64, maxLength: 64 }).map(toHex);
const toHex = (digits: number[]) => digits.map((digit) => digit.toString(16)).join("");

test("randomId: 10,000 times → as many ids of one form", () => {
  const ids = Array.from({ length: 10_000 }, () => randomId("file"));
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^file_01[0-9a-hjkmnp-tv-z]{24}$/);
});

test("isId: another prefix, version, alphabet or length → false", () => {
  const id = randomId("file");
  expect(isId("file", id)).toBe(true);
  const others = [
    "",
    "file_",
    id.slice(0, -1),
    `${id}0`,
    `${id}\n`,
    id.toUpperCase(),
    `file_02${id.slice(7)}`,
  ];
  for (const text of [...others, `${id.slice(0, -1)}u`, `../${id}`, id.replace("file", "job")])
    expect(isId("file", text), text).toBe(false);
});

describe("a job's id", () => {
  test("any object → 47 letters and digits that lead back to it", () => {
    fc.assert(
      fc.property(hexId(), (objectId) => {
        const id = makeJobId(objectId);
        expect(id).toMatch(/^job_[0-9A-Za-z]{47}$/);
        expect(objectIdOf(id)).toBe(objectId);
      }),
    );
  });

  test("the least and the greatest object id → 43 characters", () => {
    for (const digit of ["0", "f"]) expect(objectIdOf(makeJobId(digit.repeat(64)))).toBe(digit.repeat(64));
  });

  test("made 1,000 times for one object → as many ids, but for the pair that 62⁴ possible ones allow now and then", () => {
    const ids = Array.from({ length: 1_000 }, () => makeJobId("a".repeat(64)));
    expect(new Set(ids).size).toBeGreaterThan(995);
  });

  test.each([
    "",
    "job_",
    `job_${"z".repeat(47)}`,
    `job_${"a".repeat(46)}`,
    `job_${"a".repeat(48)}`,
    `job_${"-".repeat(47)}`,
  ])("%j → no object", (text) => {
    expect(objectIdOf(text)).toBeNull();
  });
});
