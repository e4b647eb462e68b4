/** Text that only the holder of a secret can read or make: AES-256-GCM (NIST SP 800-38D). */

import { decodeBase64Url, encodeBase64Url } from "hono/utils/encode";
import { randomBytes } from "./runtime.ts";

/** The recommended length; random, because a secret seals only a few texts. */
const IV_BYTES = 12;

/** Encrypts `text` with a secret of 32 bytes. Returns base64url: the nonce, then the ciphertext with its tag. */
export async function seal(secret: Uint8Array, text: string): Promise<string> {
  const iv = randomBytes(IV_BYTES);
  const key = await importKey(secret);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(text));
  return encodeBase64Url(new Uint8Array([...iv, ...new Uint8Array(sealed)]).buffer);
}

/** The text; null if it was not sealed with this secret, or has been changed since. */
export async function open(secret: Uint8Array, sealed: string): Promise<string | null> {
  try {
    const bytes = decodeBase64Url(sealed);
    const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES) };
    const text = await crypto.subtle.decrypt(algorithm, await importKey(secret), bytes.subarray(IV_BYTES));
    return new TextDecoder().decode(text);
  } catch {
    return null;
  }
}

function importKey(secret: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt", "decrypt"]);
}
