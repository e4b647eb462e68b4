/** Numbers and bytes as digits and letters, which every header, URL and file name may contain. */

import { hex } from "./hash.ts";

export const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The last `chars` digits of a number in this alphabet. */
export function toBase(value: bigint, alphabet: string, chars: number): string {
  const base = BigInt(alphabet.length);
  let text = "";
  for (let rest = value; text.length < chars; rest /= base)
    text = alphabet.charAt(Number(rest % base)) + text;
  return text;
}

/** The last `chars` digits of bytes, read as one number. */
export function encodeBytes(bytes: Uint8Array, alphabet: string, chars: number): string {
  return toBase(BigInt(`0x${hex(bytes)}`), alphabet, chars);
}
