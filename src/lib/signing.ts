/** Keyed hashes: what only the holder of a secret can make. */

const signingEncoder = new TextEncoder();

/** HMAC-SHA256 (RFC 2104) of a text's UTF-8: 32 bytes. */
export async function hmac(secret: string | Uint8Array, text: string): Promise<Uint8Array> {
  const key = await importHmacKey(secret);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, signingEncoder.encode(text)));
}

/**
 * Importing takes as long as signing, and a deployment has few secrets. Keys are kept, not promises: the platform forbids
 * a request to wait for another one's I/O.
 */
const imported = new Map<string, CryptoKey>();
const IMPORTED_MAX = 100;

async function importHmacKey(secret: string | Uint8Array): Promise<CryptoKey> {
  if (typeof secret !== "string") return importBytes(secret);
  const known = imported.get(secret);
  if (known) return known;
  const key = await importBytes(signingEncoder.encode(secret));
  if (imported.size >= IMPORTED_MAX) imported.clear();
  imported.set(secret, key);
  return key;
}

function importBytes(bytes: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/** Whether two texts are equal, in a time that does not depend on where they differ. */
export function isSameText(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at += 1) difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  return difference === 0;
}
