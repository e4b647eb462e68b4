/** Server-Sent Events (WHATWG HTML section 9.2) as text. */

const sseEncoder = new TextEncoder();

/** One event; `data` must be a single line, which JSON is. */
export function sseEvent(id: number, type: string, data: string): Uint8Array {
  return sseEncoder.encode(`id: ${id}\nevent: ${type}\ndata: ${data}\n\n`);
}

/** A line that clients ignore and proxies see: the stream is alive. */
export function sseComment(text: string): Uint8Array {
  return sseEncoder.encode(`: ${text}\n\n`);
}

/** Tells the client how many milliseconds to wait before it connects again. */
export function sseRetry(ms: number): Uint8Array {
  return sseEncoder.encode(`retry: ${ms}\n\n`);
}
