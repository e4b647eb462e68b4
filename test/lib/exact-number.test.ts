/** Which JSON numbers survive being read as a double. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { isExactNumber } from "../../src/lib/exact-number.ts";

const exact = ["0", "-0", "0.0", "0e5", "1", "1.0", "-1.50", "0.1", "1e3", "1E+2", "6.02214076e23", "1e-7"];
const exactLimits = ["9007199254740991", "-9007199254740991", "123456789012.345", "1.7976931348623157e308"];
const inexact = ["9007199254740992", "-9007199254740993", "1234567890123456789", "12345678901234567.89"];
const inexactOthers = [
  "1e400",
  "-1e400",
  "1e-400",
  "0.10000000000000000555",
  "3.141592653589793238",
  "1e99999999999",
];

test.each([...exact, ...exactLimits])("isExactNumber: %s → true", (source) => {
  expect(isExactNumber(source)).toBe(true);
});

test.each([...inexact, ...inexactOthers])("isExactNumber: %s → false", (source) => {
  expect(isExactNumber(source)).toBe(false);
});

test("isExactNumber: any double as JSON writes it, unless a large whole number → true", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const source = JSON.stringify(value);
      const isLargeWhole = /^-?\d+$/.test(source) && !Number.isSafeInteger(value);
      expect(isExactNumber(source)).toBe(!isLargeWhole);
    }),
  );
});

test("isExactNumber: a token with a digit changed beyond the double's precision → false", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (first, last) => {
      expect(isExactNumber(`0.${first}${"0".repeat(20)}${last}`)).toBe(false);
    }),
  );
});
