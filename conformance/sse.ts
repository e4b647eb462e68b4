/** Reads Server-Sent Events as the HTML standard (section 9.2) has them, block by block, with the time each came. */

import type { Client } from "./client.ts";

/** What one blank line ends. `comment` tells whether it held a comment line; `at` is epoch milliseconds. */
export type SseBlock = {
  id: string | null;
  event: string | null;
  data: string | null;
  comment: boolean;
  at: number;
};

const LISTEN_MS = 30_000;

/** Listens until the server closes the stream, or for `ms`. */
export async function listen(
  client: Client,
  path: string,
  headers: Record<string, string> = {},
  ms = LISTEN_MS,
) {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), ms);
  const blocks: SseBlock[] = [];
  const request = { headers: { Accept: "text/event-stream", ...headers }, signal: over.signal };
  const response = await client.stream(path, request);
  try {
    let text = "";
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const parts = text.split(/\r?\n\r?\n/);
      text = parts.pop() ?? "";
      blocks.push(...parts.map(parse));
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { response, blocks };
}

function parse(text: string): SseBlock {
  const block: SseBlock = { id: null, event: null, data: null, comment: false, at: Date.now() };
  for (const line of text.split(/\r?\n/)) {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (line.startsWith(":")) block.comment = true;
    else if (field === "id") block.id = value;
    else if (field === "event") block.event = value;
    else if (field === "data") block.data = block.data === null ? value : `${block.data}\n${value}`;
  }
  return block;
}
