/**
 * The form of an API key: `acpt_`, 32 random characters, and a checksum of 6. Prefix and checksum let secret
 * scanners find leaked keys and let the service reject garbage without a lookup. Pure: the random bytes are an
 * argument.
 */

import { crc32 } from "node:zlib";
import { hex, sha256 } from "./hash.ts";

const PREFIX = "acpt_";
const KEY_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 32 characters out of 62 are 190 bits: beyond guessing, so a plain hash of the key is safe to store. */
const RANDOM_CHARS = 32;

/** The least that fills those 190 bits. */
const RANDOM_BYTES_MIN = 24;

/** 62 to the 6th power is the first that exceeds 2 to the 32nd. */
const CHECKSUM_CHARS = 6;

const KEY_PATTERN = new RegExp(`^${PREFIX}[0-9A-Za-z]{${RANDOM_CHARS + CHECKSUM_CHARS}}$`);

/** The key made of `bytes`, at least 24 of them and secret; the same bytes give the same key. */
export function makeKey(bytes: Uint8Array): string {
  if (bytes.length < RANDOM_BYTES_MIN) throw new RangeError(`a key takes at least ${RANDOM_BYTES_MIN} bytes`);
  const body = PREFIX + base62(BigInt(`0x${hex(bytes)}`), RANDOM_CHARS);
  return body + checksum(body);
}

/** Whether `text` has the form and checksum of a key. It may still be unknown. */
export function isKey(text: string): boolean {
  return KEY_PATTERN.test(text) && text.endsWith(checksum(text.slice(0, -CHECKSUM_CHARS)));
}

/** The SHA-256 of a key in hexadecimal, which is stored instead of the key. */
export async function keyHash(key: string): Promise<string> {
  return hex(await sha256(key));
}

/** Enough of a hash to distinguish the keys of a deployment in its logs. */
const KEY_ID_CHARS = 12;

/** The name of a key in logs, from its hash in hexadecimal. */
export function keyIdOf(hash: string): string {
  return hash.slice(0, KEY_ID_CHARS);
}

/** CRC-32 (ISO-HDLC, as in zip) of the key's characters before it. */
function checksum(body: string): string {
  return base62(BigInt(crc32(body)), CHECKSUM_CHARS);
}

/** The last `chars` base-62 digits of `value`. */
function base62(value: bigint, chars: number): string {
  let text = "";
  for (let rest = value; text.length < chars; rest /= 62n) {
    text = KEY_ALPHABET.charAt(Number(rest % 62n)) + text;
  }
  return text;
}
