/** Reads a stream whose sender may stop half-way, so that a stalled peer holds memory for a bounded time only. */

import { startTimer } from "./runtime.ts";

/** Why the stream was given up. */
export class StalledStream extends Error {
  override readonly name = "StalledStream";
}

/** `idleMs` is the longest wait for the next bytes, `totalMs` for all of them. */
export type StreamPatience = { idleMs: number; totalMs: number };

/** Yields what arrives. Throws a `StalledStream` when the patience is over; then the stream is cancelled. */
export async function* readChunks(
  stream: ReadableStream<Uint8Array>,
  { idleMs, totalMs }: StreamPatience,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  const total = startTimer(totalMs);
  try {
    for (;;) {
      const idle = startTimer(idleMs);
      const read = await Promise.race([reader.read(), idle.passed, total.passed]).finally(idle.stop);
      if (read === "passed") throw new StalledStream();
      if (read.done) return;
      yield read.value;
    }
  } finally {
    total.stop();
    void reader.cancel().catch(() => undefined);
  }
}
