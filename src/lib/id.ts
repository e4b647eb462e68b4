/** Ids: a prefix that names the kind, and what makes them unique. */

import { BASE62, encodeBytes, toBase } from "./base62.ts";
import { randomBytes } from "./runtime.ts";

const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";
const RANDOM_BYTES = 15;

/** The version of the format, so that later formats can be distinguished. */
const VERSION = "01";
const ID_PATTERN = new RegExp(`^[a-z]+_${VERSION}[${BASE32}]{24}$`);

/** The characters of a Durable Object's id, 256 bits, in base 62. */
const OBJECT_CHARS = 43;
/** Almost 24 random bits that tell the jobs that one object has one after another apart. */
const NONCE_CHARS = 4;
const NONCE_BYTES = 8;
const JOB_ID_PATTERN = new RegExp(`^job_[0-9A-Za-z]{${OBJECT_CHARS + NONCE_CHARS}}$`);

/** A new random id of 120 bits, such as `file_01h2xcejqtf2nbrexx3vqjhp41`. */
export function randomId(prefix: string): string {
  return `${prefix}_${VERSION}${encodeBytes(randomBytes(RANDOM_BYTES), BASE32, 24)}`;
}

/** Whether `text` has the form of a random id with this prefix; other texts need no lookup. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && ID_PATTERN.test(text);
}

/**
 * A new id for a job of the object with this id, 64 hexadecimal digits. No job of another object ever has it, and one
 * of the same object with a probability of 1 to 62⁴.
 */
export function makeJobId(objectId: string): string {
  const object = toBase(BigInt(`0x${objectId}`), BASE62, OBJECT_CHARS);
  const nonce = encodeBytes(randomBytes(NONCE_BYTES), BASE62, NONCE_CHARS);
  return `job_${object}${nonce}`;
}

/** The id of the object that the job is in, 64 hexadecimal digits; null if `jobId` has not the form of a job's id. */
export function objectIdOf(jobId: string): string | null {
  if (!JOB_ID_PATTERN.test(jobId)) return null;
  let value = 0n;
  for (const char of jobId.slice(4, 4 + OBJECT_CHARS)) value = value * 62n + BigInt(BASE62.indexOf(char));
  const digits = value.toString(16).padStart(64, "0");
  return digits.length === 64 ? digits : null;
}
