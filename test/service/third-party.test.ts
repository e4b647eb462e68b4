/** http.request against a real server: whatever coding it answers in, the kept headers are true of the kept body. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sharedService } from "./service.ts";

const TEXT = "gr\u00fcezi, third party\n".repeat(40);

/** Each coding's encoder, and the decoder that a reader of the result would use. */
const codings: Record<string, [(bytes: Buffer) => Buffer, (bytes: Buffer) => Buffer]> = {
  gzip: [gzipSync, gunzipSync],
  br: [brotliCompressSync, brotliDecompressSync],
  deflate: [deflateSync, inflateSync],
  zstd: [zstdCompressSync, zstdDecompressSync],
  identity: [(bytes) => bytes, (bytes) => bytes],
  none: [(bytes) => bytes, (bytes) => bytes],
  "x-own": [
    (bytes) => Buffer.from(bytes.map((byte) => byte ^ 0x55)),
    (bytes) => Buffer.from(bytes.map((byte) => byte ^ 0x55)),
  ],
};

const server = createServer((request, response) => {
  const coding = request.url?.slice(1) ?? "";
  const [encode] = codings[coding] ?? [];
  response.writeHead(200, {
    "Content-Type": "text/plain; charset=utf-8",
    ...(coding !== "none" && { "Content-Encoding": coding }),
  });
  response.end(encode?.(Buffer.from(TEXT)));
});
beforeAll(() => once(server.listen(0), "listening"));
afterAll(() => void server.close());

type Result = { headers: Record<string, string>; body: string | { file: string } };

test.each(Object.keys(codings))(
  "http.request: answer in the coding %s → decodes by its kept headers",
  async (coding) => {
    const { acme, url, keys } = sharedService();
    const target = `http://localhost:${(server.address() as AddressInfo).port}/${coding}`;
    const id = await acme.submit({ type: "http.request", input: { url: target, method: "GET" } });
    const job = await acme.finished(id);
    const { headers, body } = (job as unknown as { result: Result }).result;
    const kept = headers["content-encoding"];
    const decode = codings[kept ?? "none"]?.[1];
    const bytes =
      typeof body === "string"
        ? Buffer.from(body)
        : Buffer.from(
            await (
              await fetch(`${url}/v1/files/${body.file}`, {
                headers: { Authorization: `Bearer ${keys.acme.full}` },
              })
            ).arrayBuffer(),
          );
    expect(decode?.(bytes).toString()).toBe(TEXT);
  },
);
