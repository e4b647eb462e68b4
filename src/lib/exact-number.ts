/** Whether a JSON number keeps its value when it is read as an IEEE 754 double (RFC 7493 section 2.2). */

/** A number as its sign, its digits without zeros at either end, and the power of ten of the last digit. */
type Decimal = { isNegative: boolean; digits: string; exponent: number };

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const ZEROS_ONLY = /^0*$/;

/**
 * Whether the number token `source` and the double it is read as have the same value. Whole numbers without an
 * exponent must also lie within ±(2^53 - 1), because readers of JSON may round larger ones.
 */
export function isExactNumber(source: string): boolean {
  const value = Number(source);
  if (!Number.isFinite(value)) return false;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value);
  const given = toDecimal(source);
  const kept = toDecimal(String(value));
  return (
    given.digits === kept.digits &&
    given.exponent === kept.exponent &&
    (given.digits === "" || given.isNegative === kept.isNegative)
  );
}

function toDecimal(source: string): Decimal {
  const [, sign, whole = "", fraction = "", power = "0"] = NUMBER.exec(source) ?? [];
  const all = whole + fraction;
  if (ZEROS_ONLY.test(all)) return { isNegative: false, digits: "", exponent: 0 };
  const first = all.search(/[1-9]/);
  let end = all.length;
  while (all[end - 1] === "0") end -= 1;
  const exponent = Number(power) - fraction.length + (all.length - end);
  return { isNegative: sign === "-", digits: all.slice(first, end), exponent };
}
