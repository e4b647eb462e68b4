/** SHA-256 and canonical JSON: how requests are compared and ids are derived. */

import canonicalize from "canonicalize";

/** SHA-256 (FIPS 180-4) of a text's UTF-8 or of bytes: 32 bytes. */
export async function sha256(data: string | Uint8Array): Promise<Uint8Array> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Every byte in hexadecimal, looked up: each request writes dozens. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Bytes as lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** SHA-256, in hexadecimal, of a JSON value in canonical form (RFC 8785): key order and white space do not count. */
export async function fingerprint(value: unknown): Promise<string> {
  return hex(await sha256(canonicalize(value) ?? "null"));
}

/** A 32-bit hash that spreads texts well and is the same everywhere (FNV-1a over UTF-16 units). No secret withstands it. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
