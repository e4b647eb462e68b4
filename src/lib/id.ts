/** Ids: a prefix that says what it names, and at least 100 bits in Crockford's base 32 that nobody guesses. */

import { sha256 } from "./hash.ts";
import { randomBytes } from "./runtime.ts";

const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const BYTES = 15;

/** Every id starts with the version of its making, so that later makings can be told apart. */
const VERSION = "01";
const ID_PATTERN = new RegExp(`^[a-z]+_${VERSION}[${ID_ALPHABET}]{24}$`);

/** An owned id ends in so many characters that follow from the rest and the owner: 20 bits. */
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

/** Whether `text` could be an id with this prefix; what could not is asked nowhere. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && ID_PATTERN.test(text);
}

/**
 * Whether `text` could be an id of this owner. Ids of others and misspelt ones are told without asking anybody,
 * and as fast as each other. The mark is a checksum, not a secret: what it lets through must still be looked up.
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
