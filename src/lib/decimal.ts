/** Exact decimal numbers: what is taken for one in a text, and how one is written. Never a binary fraction. */

import Big from "big.js";

/** Plain digits, forty on either side of the point: beyond any currency, and no exponent that makes millions of them. */
const PLAIN = /^[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})$/;

export const ZERO = new Big(0);

/** The number in a text, without surrounding white space; null if there is none. */
export function parseDecimal(text: string): Big | null {
  const digits = text.trim();
  // big.js takes no plus sign, which banks write.
  return PLAIN.test(digits) ? new Big(digits.replace(/^\+/, "")) : null;
}

/** All digits, no exponent, no trailing zeros, no negative zero. */
export function decimalText(value: Big): string {
  return value.eq(ZERO) ? "0" : value.toFixed();
}
