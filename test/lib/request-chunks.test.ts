/** A sender that stalls is given up in time. */

import { expect, test, vi } from "vitest";
import { readChunks, StalledStream } from "../../src/lib/request-chunks.ts";

const patience = { idleMs: 30_000, totalMs: 60_000 };

function openSender() {
  const cancel = vi.fn();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
    cancel,
  });
  return {
    stream,
    cancel,
    send: () => controller?.enqueue(new Uint8Array([1])),
    close: () => controller?.close(),
  };
}

async function countBytes(stream: ReadableStream<Uint8Array>): Promise<number> {
  let count = 0;
  for await (const chunk of readChunks(stream, patience)) count += chunk.length;
  return count;
}

test("a stream that ends → every chunk", async () => {
  const { stream, send, close } = openSender();
  send();
  send();
  close();
  expect(await countBytes(stream)).toBe(2);
});

test("no byte for the idle time → StalledStream, and the stream is cancelled", async () => {
  vi.useFakeTimers();
  try {
    const { stream, send, cancel } = openSender();
    send();
    const read = expect(countBytes(stream)).rejects.toBeInstanceOf(StalledStream);
    await vi.advanceTimersByTimeAsync(patience.idleMs);
    await read;
    expect(cancel).toHaveBeenCalledOnce();
  } finally {
    vi.useRealTimers();
  }
});

test("a byte now and then beyond the total time → StalledStream", async () => {
  vi.useFakeTimers();
  try {
    const { stream, send } = openSender();
    const read = expect(countBytes(stream)).rejects.toBeInstanceOf(StalledStream);
    for (let sent = 0; sent < 3; sent += 1) {
      send();
      await vi.advanceTimersByTimeAsync(patience.idleMs - 10_000);
    }
    await read;
  } finally {
    vi.useRealTimers();
  }
});
