/** The part of Web Crypto the project uses, computed at once: the real one answers from other threads, in any order. */

import { createHash, createHmac } from "node:crypto";

type Key = { bytes: Uint8Array };

const bytesOf = (digest: Buffer) => new Uint8Array(digest).buffer;

export const hashing = {
  subtle: {
    digest: async (_algorithm: "SHA-256", data: Uint8Array) =>
      bytesOf(createHash("sha256").update(data).digest()),
    importKey: async (_format: "raw", bytes: Uint8Array): Promise<Key> => ({ bytes }),
    sign: async (_algorithm: "HMAC", { bytes }: Key, data: Uint8Array) =>
      bytesOf(createHmac("sha256", bytes).update(data).digest()),
  },
};
