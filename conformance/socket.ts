/** One WebSocket (RFC 6455) from its opening to its end, with the key in a header as the contract has it. */

import { WebSocket } from "ws";
import type { Client } from "./client.ts";
import type { JobEvent } from "./shapes.ts";

export type Heard = {
  /** The stored ones: with a number. */
  events: JobEvent[];
  /** What it was closed with; 1006 if it broke. */
  code: number;
  /** The HTTP status it was refused with; null if it was opened. */
  refused: number | null;
};

const LISTEN_MS = 30_000;

/** Listens until the server closes. Sends `reply` when the first message has come. */
export function hear({ url, key }: Client, path: string, reply?: string): Promise<Heard> {
  const headers: Record<string, string> = key === null ? {} : { Authorization: `Bearer ${key}` };
  const options = { headers, closeTimeout: 1_000 };
  const socket = new WebSocket(url.replace(/^http/, "ws") + path, options);
  const heard: Heard = { events: [], code: 1006, refused: null };
  const timer = setTimeout(() => socket.terminate(), LISTEN_MS);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve(heard);
    };
    socket.on("message", (data) => {
      const event = JSON.parse(String(data)) as JobEvent;
      if ("seq" in event) heard.events.push(event);
    });
    if (reply !== undefined) socket.once("message", () => socket.send(reply));
    socket.on("unexpected-response", (_request, response) => {
      heard.refused = response.statusCode ?? null;
      socket.terminate();
      end();
    });
    socket.on("error", end);
    socket.on("close", (code) => {
      heard.code = code;
      end();
    });
  });
}
