/** Decimals: whatever is taken for a number in a text is read as exactly that number. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { decimalText, parseDecimal } from "../../src/lib/decimal.ts";

const digits = (min: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: min, maxLength: 40 });
const plain = fc
  .tuple(fc.constantFrom("", "+", "-"), digits(1), fc.option(digits(0)), fc.constantFrom("", " ", "\t"))
  .map(([sign, whole, part, blank]) => `${blank}${sign}${whole}${part === null ? "" : `.${part}`}${blank}`);
const pointed = fc.tuple(fc.constantFrom("", "+", "-"), digits(1)).map(([sign, part]) => `${sign}.${part}`);

/** The value as digits without needless zeros, worked out on the text alone. */
function canonical(text: string): string {
  const [, sign = "", whole = "", part = ""] = /^\s*([+-]?)(\d*)\.?(\d*)\s*$/.exec(text) ?? [];
  const [left, right] = [whole.replace(/^0+(?=\d)/, "") || "0", part.replace(/0+$/, "")];
  const value = right === "" ? left : `${left}.${right}`;
  return sign === "-" && /[1-9]/.test(value) ? `-${value}` : value;
}

test("decimal: any plain number in a text → its value, exactly", () => {
  fc.assert(
    fc.property(fc.oneof(plain, pointed), (text) => {
      const value = parseDecimal(text);
      expect(value && decimalText(value)).toBe(canonical(text));
    }),
  );
});

test("decimal: any other text → none, and never an exception", () => {
  const near = fc.string({ unit: fc.constantFrom(..."0129+-.,eE _xN\u0661"), maxLength: 8 });
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (text) => {
      const isPlain = /^\s*[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})\s*$/.test(text);
      expect(parseDecimal(text) !== null).toBe(isPlain);
    }),
  );
});
