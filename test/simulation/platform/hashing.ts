/** The part of Web Crypto the project uses, computed at once: the real one answers from other threads, in any order. */

import { createHash, createHmac } from "node:crypto";

type Key = { bytes: Uint8Array };

const bytesOf = (digest: Buffer) => new Uint8Array(digest).buffer;

/** Hashes what is written to it. Its writer is all the project uses. */
class DigestStream {
  readonly #hash = createHash("sha256");
  readonly #digest = Promise.withResolvers<ArrayBufferLike>();
  readonly digest = this.#digest.promise;

  getWriter() {
    return {
      write: async (chunk: Uint8Array) => void this.#hash.update(chunk),
      close: async () => this.#digest.resolve(bytesOf(this.#hash.digest())),
    };
  }
}

export const hashing = {
  DigestStream,
  subtle: {
    digest: async (_algorithm: "SHA-256", data: Uint8Array) =>
      bytesOf(createHash("sha256").update(data).digest()),
    importKey: async (_format: "raw", bytes: Uint8Array): Promise<Key> => ({ bytes }),
    sign: async (_algorithm: "HMAC", { bytes }: Key, data: Uint8Array) =>
      bytesOf(createHmac("sha256", bytes).update(data).digest()),
  },
};
