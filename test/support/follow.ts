/** Follows a job as clients do: reads Server-Sent Events by the standard's rules, and WebSocket messages. */

import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { checkHeaders } from "./answers.ts";
import { type EventJson, ORIGIN } from "./http.ts";
import { type Caller, keyOf } from "./keys.ts";

export type Asking = { as?: Caller; headers?: Record<string, string>; method?: string; signal?: AbortSignal };

/** What a subscriber has received so far; all of it grows. */
export type Heard = {
  /** Each event as its data says it is. */
  events: EventJson[];
  /** Resolves when it is over; a WebSocket with its closing code. */
  over: Promise<number | null>;
};

export type HeardStream = Heard & {
  /** The fields beside the data: `id` and `event`. */
  fields: { id: string; event: string }[];
  comments: string[];
  retries: string[];
  leave: () => Promise<void>;
};

export const eventsOf = (id: string) => `/v1/jobs/${id}/events`;

/** The raw answer, its body unread; it carries what every answer must. */
export async function ask(path: string, { as = "parked", headers, ...rest }: Asking = {}): Promise<Response> {
  const Authorization = `Bearer ${await keyOf(as)}`;
  const request = new Request(ORIGIN + path, { headers: { Authorization, ...headers }, ...rest });
  const answer = await exports.default.fetch(request);
  checkHeaders(answer.headers);
  return answer;
}

/** As `ask`, for a stream of Server-Sent Events. */
export function askStream(path: string, { headers, ...rest }: Asking = {}): Promise<Response> {
  return ask(path, { ...rest, headers: { Accept: "text/event-stream", ...headers } });
}

/** As `ask`, for a WebSocket. */
export function askSocket(path: string, { headers, ...rest }: Asking = {}): Promise<Response> {
  return ask(path, { ...rest, headers: { Upgrade: "websocket", ...headers } });
}

/** Follows the job's events from `path` over Server-Sent Events. */
export async function stream(path: string, asking: Asking = {}): Promise<HeardStream> {
  const answer = await askStream(path, asking);
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/event-stream"]);
  return readStream(answer);
}

/** Reads a stream until it ends. */
export function readStream({ body }: Response): HeardStream {
  if (!body) throw new Error("there is no stream");
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const heard = { events: [], fields: [], comments: [], retries: [] } as Omit<HeardStream, "over" | "leave">;
  async function read(): Promise<null> {
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const blocks = (rest + part.value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) hear(heard, block);
    }
    expect(rest, "the stream ends with a whole block").toBe("");
    return null;
  }
  return Object.assign(heard, { over: read(), leave: () => reader.cancel() });
}

/** One block: an event of exactly id, event and one line of data, progress without id, or a comment, or a time to wait. */
function hear(
  { events, fields, comments, retries }: Omit<HeardStream, "over" | "leave">,
  block: string,
): void {
  const [, id, event, data] = /^id: (\d+)\nevent: ([\w.]+)\ndata: (.+)$/.exec(block) ?? [];
  if (id !== undefined && event !== undefined && data !== undefined) {
    fields.push({ id, event });
    events.push(JSON.parse(data));
    return;
  }
  if (/^event: job\.progress\ndata: \{"type":"job\.progress",.+$/.test(block)) return;
  const [, comment, retry] = /^(?:: (.*)|retry: (\d+))$/.exec(block) ?? [];
  if (comment !== undefined) comments.push(comment);
  else if (retry !== undefined) retries.push(retry);
  else expect.fail(`no block of an event stream: ${JSON.stringify(block)}`);
}

/** Follows the job's events from `path` over a WebSocket. */
export async function socket(path: string, asking: Asking = {}): Promise<Heard & { leave: () => void }> {
  const answer = await askSocket(path, asking);
  expect(answer.status).toBe(101);
  return readSocket(answer);
}

/** Hears a WebSocket until it closes. */
export function readSocket({ webSocket }: Response): Heard & { leave: () => void } {
  if (!webSocket) throw new Error("there is no socket");
  const events: EventJson[] = [];
  const over = new Promise<number>((resolve) => {
    webSocket.addEventListener("message", ({ data }) => {
      const event = JSON.parse(String(data)) as EventJson;
      if ("seq" in event) events.push(event);
      else expect((event as { type: string }).type).toBe("job.progress");
    });
    webSocket.addEventListener("close", ({ code }) => resolve(code));
  });
  webSocket.accept();
  return { events, over, leave: () => webSocket.close(1000) };
}
