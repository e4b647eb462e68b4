/** Ids: a prefix that names the kind, and at least 100 random bits in Crockford's base 32. */

import { sha256 } from "./hash.ts";
import { randomBytes } from "./runtime.ts";

const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BYTES = 15;

/** The version of the format, so that later formats can be distinguished. */
const VERSION = "01";
const ID_PATTERN = new RegExp(`^[a-z]+_${VERSION}[${ID_ALPHABET}]{24}$`);

/** The last characters of an owned id are a checksum of the rest and the owner: 20 bits. */
const MARK_CHARS = 4;

/** A new random id, such as `file_01h2xcejqtf2nbrexx3vqjhp41`. */
export function randomId(prefix: string): string {
  return `${prefix}_${VERSION}${base32(randomBytes(BYTES))}`;
}

/** A new random id that carries its owner's mark. */
export function randomOwnedId(prefix: string, owner: string): Promise<string> {
  return marked(prefix, owner, randomBytes(BYTES));
}

/** The owned id that belongs to `name` and to nothing else: the same owner and name always give the same id. */
export async function derivedOwnedId(prefix: string, owner: string, name: string): Promise<string> {
  return marked(prefix, owner, (await digest([prefix, owner, name])).subarray(0, BYTES));
}

/** Whether `text` has the form of an id with this prefix; other texts need no lookup. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && ID_PATTERN.test(text);
}

/**
 * Whether `text` has the form of an id of this owner. Foreign and malformed ids are rejected without a lookup, in
 * constant time. The checksum is no secret, so ids that pass must still be looked up.
 */
export async function isOwnedId(prefix: string, owner: string, text: string): Promise<boolean> {
  if (!isId(prefix, text)) return false;
  const body = text.slice(0, -MARK_CHARS);
  return text === body + (await markOf(owner, body));
}

async function marked(prefix: string, owner: string, bytes: Uint8Array): Promise<string> {
  const body = `${prefix}_${VERSION}${base32(bytes).slice(0, -MARK_CHARS)}`;
  return body + (await markOf(owner, body));
}

async function markOf(owner: string, body: string): Promise<string> {
  return base32((await digest([owner, body])).subarray(0, BYTES)).slice(0, MARK_CHARS);
}

function digest(parts: string[]): Promise<Uint8Array> {
  return sha256(JSON.stringify(parts));
}

function base32(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let rest = bytes.length * 8; rest > 0; rest -= 5) {
    text = ID_ALPHABET.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}
