/**
 * The form of an API key: `acpt_{tenant}_{key id}_{secret}{mac}`. The prefix lets secret scanners find leaked keys. The
 * tenant and the id say where the key's record is. The MAC refuses what this deployment never issued without a look-up.
 * Pure: the secret's random bytes are an argument.
 */

import { BASE62, encodeBytes } from "./base62.ts";
import { hex, sha256 } from "./hash.ts";
import { randomBytes } from "./runtime.ts";
import { hmac, isSameText } from "./signing.ts";

/** In place of the tenant in root keys, which belong to none. */
export const ADMIN = "admin";

/** 1 to 40 of a-z, 0-9 and -, not beginning with -. */
export const TENANT_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** 71 bits: an id is unique within its tenant and no secret. */
const KEY_ID_CHARS = 12;
const KEY_ID_BYTES = 16;

/** 32 characters out of 62 are 190 bits: beyond guessing, so a plain hash of the key is safe to store. */
const SECRET_CHARS = 32;
export const KEY_SECRET_BYTES = 32;

/** 59 bits: a forged key is looked up once in 10^17 tries, and its hash is compared all the same. */
const MAC_CHARS = 10;

const KEY_PATTERN = new RegExp(
  `^acpt_([a-z0-9][a-z0-9-]{0,39})_([0-9A-Za-z]{${KEY_ID_CHARS}})_[0-9A-Za-z]{${SECRET_CHARS + MAC_CHARS}}$`,
);
const KEY_ID_PATTERN = new RegExp(`^key_[0-9A-Za-z]{${KEY_ID_CHARS}}$`);

/** Whose key it is, or `admin`, and its id such as `key_3kQz9fVbT0aa`. */
export type KeyName = { owner: string; id: string };

/** An id for a new key. */
export function newKeyId(): string {
  return `key_${encodeBytes(randomBytes(KEY_ID_BYTES), BASE62, KEY_ID_CHARS)}`;
}

/** Whether `text` has the form of a key's id. */
export function isKeyId(text: string): boolean {
  return KEY_ID_PATTERN.test(text);
}

/** Root keys are made where no secret of the deployment is known; their hashes are, so a checksum does. */
const ROOT_CHECKSUM = "checksum of a root key";

/** The key of that name; `bytes` are 32 secret ones. The same bytes give the same key. A root key needs no secret. */
export async function makeKey(
  { owner, id }: KeyName,
  bytes: Uint8Array,
  signingSecret: string,
): Promise<string> {
  if (bytes.length < KEY_SECRET_BYTES) throw new RangeError(`a key takes ${KEY_SECRET_BYTES} bytes`);
  const body = `acpt_${owner}_${id.slice("key_".length)}_${encodeBytes(bytes, BASE62, SECRET_CHARS)}`;
  return body + (await keyMac(body, owner === ADMIN ? ROOT_CHECKSUM : signingSecret));
}

/** The name of a key that this deployment issued; null for every other text. */
export async function readKey(text: string, signingSecret: string): Promise<KeyName | null> {
  const [, owner, id] = KEY_PATTERN.exec(text) ?? [];
  if (owner === undefined || id === undefined) return null;
  const mac = await keyMac(text.slice(0, -MAC_CHARS), owner === ADMIN ? ROOT_CHECKSUM : signingSecret);
  return isSameText(mac, text.slice(-MAC_CHARS)) ? { owner, id: `key_${id}` } : null;
}

/** The SHA-256 of a key in hexadecimal, which is stored instead of the key. */
export async function keyHash(key: string): Promise<string> {
  return hex(await sha256(key));
}

async function keyMac(body: string, signingSecret: string): Promise<string> {
  return encodeBytes(await hmac(signingSecret, `key ${body}`), BASE62, MAC_CHARS);
}
