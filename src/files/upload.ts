/**
 * Writes a stream to R2 while hashing it. If its length is known, 256 KiB of it are in memory; otherwise one part is.
 * Leaves no multipart upload open.
 */

import { hex } from "../lib/hash.ts";

/** R2 takes no smaller part but the last, and wants all others of one size. */
const PART_BYTES = 5 * 1024 * 1024;
const FIRST_BUFFER_BYTES = 64 * 1024;
/** What is written at once of a stream of known length: a write for every small chunk would cost more time. */
const WRITE_BYTES = 256 * 1024;

export type Chunks = AsyncIterable<Uint8Array | string>;
export type Upload = { ok: true; size: number; sha256: string } | { ok: false; reason: "too_large" };

/** What to write. `bytes` is the length of `chunks`, if that is known. */
type UploadSource = { chunks: Chunks; bytes?: number | undefined; bytesMax: number };
type Sink = { write(part: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> };

class TooLarge extends Error {}

/**
 * Stores what `chunks` yields under `key`: one `put` if the length is known or fits in a part, else a multipart upload.
 * Rejects more than `bytesMax` bytes. Any other failure is thrown; then nothing is stored.
 */
export async function upload(
  bucket: R2Bucket,
  key: string,
  { chunks, bytes, bytesMax }: UploadSource,
): Promise<Upload> {
  const isKnown = bytes !== undefined && bytes > 0;
  const sink = isKnown ? openFixedSink(bytes, (body) => bucket.put(key, body)) : openSink(bucket, key);
  const limited = limit(encodeChunks(chunks), bytesMax);
  try {
    return { ok: true, ...(await pour(limited, sink, isKnown ? WRITE_BYTES : PART_BYTES)) };
  } catch (error) {
    if (error instanceof TooLarge) return { ok: false, reason: "too_large" };
    throw error;
  }
}

/** Stores a part of a multipart upload, exactly `bytes` bytes. */
export async function writePart(
  multipart: R2MultipartUpload,
  number: number,
  { chunks, bytes }: { chunks: Chunks; bytes: number },
): Promise<{ number: number; size: number; sha256: string; etag: string }> {
  let stored: Promise<R2UploadedPart> | undefined;
  const sink = openFixedSink(bytes, (body) => {
    stored = multipart.uploadPart(number, body);
    return stored;
  });
  const { size, sha256 } = await pour(encodeChunks(chunks), sink, WRITE_BYTES);
  const etag = (await stored)?.etag ?? "";
  return { number, size, sha256, etag };
}

/** Writes all chunks into the sink while hashing them. Throws what fails; then the sink is aborted. */
async function pour(
  chunks: AsyncIterable<Uint8Array>,
  sink: Sink,
  partBytes: number,
): Promise<{ size: number; sha256: string }> {
  const digest = new crypto.DigestStream("SHA-256");
  const hashing = digest.getWriter();
  let size = 0;
  try {
    for await (const part of splitParts(chunks, partBytes)) {
      size += part.byteLength;
      await Promise.all([hashing.write(part), sink.write(part)]);
    }
    await sink.close();
    await hashing.close();
    return { size, sha256: hex(new Uint8Array(await digest.digest)) };
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

/** One write of exactly `bytes` bytes, as they come. */
function openFixedSink(bytes: number, store: (body: ReadableStream) => Promise<unknown>): Sink {
  const { readable, writable } = new FixedLengthStream(bytes);
  const writer = writable.getWriter();
  const put = store(readable);
  // Both are awaited when all is written; until then, a failure shows in the writes, too.
  put.catch(() => undefined);
  writer.closed.catch(() => undefined);
  return {
    write: (part) => writer.write(part),
    async close() {
      await writer.close();
      await put;
    },
    async abort() {
      await writer.abort().catch(() => undefined);
      await put.catch(() => undefined);
    },
  };
}

/** Decides between `put` and multipart by the first part: only a short one can be the whole file. */
function openSink(bucket: R2Bucket, key: string): Sink {
  let multipart: R2MultipartUpload | null = null;
  const uploaded: R2UploadedPart[] = [];
  return {
    async write(part: Uint8Array): Promise<void> {
      if (multipart === null && part.byteLength < PART_BYTES) {
        await bucket.put(key, part);
        return;
      }
      multipart ??= await bucket.createMultipartUpload(key);
      uploaded.push(await multipart.uploadPart(uploaded.length + 1, part));
    },
    async close(): Promise<void> {
      await multipart?.complete(uploaded);
    },
    /** Never throws: what it could not undo, R2 itself drops after seven days. */
    async abort(): Promise<void> {
      await multipart?.abort().catch(() => undefined);
    },
  };
}

async function* encodeChunks(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const chunk of chunks) yield typeof chunk === "string" ? encoder.encode(chunk) : chunk;
}

async function* limit(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total > bytesMax) throw new TooLarge();
    yield chunk;
  }
}

/**
 * Cuts a stream into full parts and a shorter last one; an empty stream is one empty part. A part is overwritten by the
 * next one.
 */
async function* splitParts(chunks: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  let used = 0;
  let isEmpty = true;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (rest.byteLength > 0) {
      isEmpty = false;
      const taken = Math.min(rest.byteLength, partBytes - used);
      buffer = withRoom(buffer, used, taken, partBytes);
      buffer.set(rest.subarray(0, taken), used);
      used += taken;
      rest = rest.subarray(taken);
      if (used === partBytes) {
        yield buffer;
        used = 0;
      }
    }
  }
  if (used > 0 || isEmpty) yield buffer.subarray(0, used);
}

function withRoom(
  buffer: Uint8Array<ArrayBuffer>,
  used: number,
  more: number,
  partBytes: number,
): Uint8Array<ArrayBuffer> {
  if (used + more <= buffer.byteLength) return buffer;
  const larger = new Uint8Array(Math.min(partBytes, Math.max(used + more, buffer.byteLength * 2)));
  larger.set(buffer.subarray(0, used));
  return larger;
}
