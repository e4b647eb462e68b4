/** Ids: a prefix that says what it names, and 120 bits in Crockford's base 32 that nobody guesses. */

import { sha256 } from "./hash.ts";
import { randomBytes } from "./world.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BYTES = 15;

/** Every id starts with the version of its making, so that later makings can be told apart. */
const VERSION = "01";
const SHAPE = new RegExp(`^[a-z]+_${VERSION}[${ALPHABET}]{24}$`);

/** A new random id, such as `job_01h2xcejqtf2nbrexx3vqjhp41`. */
export function randomId(prefix: string): string {
  return `${prefix}_${VERSION}${base32(randomBytes(BYTES))}`;
}

/** The id that belongs to `parts` and to nothing else; the same parts always give the same id. */
export async function derivedId(prefix: string, ...parts: string[]): Promise<string> {
  const digest = await sha256(JSON.stringify(parts));
  return `${prefix}_${VERSION}${base32(digest.subarray(0, BYTES))}`;
}

/** Whether `text` could be an id with this prefix; what could not is asked nowhere. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && SHAPE.test(text);
}

function base32(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let rest = bytes.length * 8; rest > 0; rest -= 5) {
    text = ALPHABET.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}
