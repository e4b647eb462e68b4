/** Server-Sent Events (WHATWG HTML section 9.2) as text. */

const sseEncoder = new TextEncoder();

/** One event, without a number one that is not repeated; `data` must be a single line, as JSON is. */
export function sseEvent(id: number | undefined, type: string, data: string): Uint8Array {
  return sseEncoder.encode(`${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`);
}

/** A line that clients ignore and that shows proxies that the stream is alive. */
export function sseComment(text: string): Uint8Array {
  return sseEncoder.encode(`: ${text}\n\n`);
}

/** Sets the client's reconnect delay in milliseconds. */
export function sseRetry(ms: number): Uint8Array {
  return sseEncoder.encode(`retry: ${ms}\n\n`);
}
