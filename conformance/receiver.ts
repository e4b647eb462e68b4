/** A server on this machine that the deployment's webhooks and requests reach, and that behaves as a check says. */

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { Disagreement } from "./assertions.ts";

export type Received = { method: string; headers: IncomingHttpHeaders; body: string; at: number };

/** How one request is answered. */
export type Reply = { status: number; headers?: Record<string, string>; body?: string | Uint8Array };

export type Hook = {
  url: string;
  received: Received[];
  /** Waits until so many requests have come, and answers them. */
  heard(count: number, ms?: number): Promise<Received[]>;
};

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

const HEAR_MS = 30_000;
const LOOK_MS = 25;

/** Starts it on a free port. */
export async function startReceiver() {
  const routes = new Map<string, { replies: Reply[]; received: Received[] }>();
  const server = createServer(async (request, response) => {
    const route = routes.get(request.url ?? "");
    const { method = "", headers } = request;
    route?.received.push({ method, headers, at: Date.now(), body: await text(request) });
    const reply = (route && (route.replies.length > 1 ? route.replies.shift() : route.replies[0])) ?? {
      status: 204,
    };
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  server.listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const urlOf = (name: string) => `http://localhost:${port}/${name}`;

  return {
    urlOf,
    /** A URL of its own that answers its first, second, … request so; the last reply repeats. */
    hook(...replies: Reply[]): Hook {
      const name = crypto.randomUUID();
      const received: Received[] = [];
      routes.set(`/${name}`, { replies, received });
      return { url: urlOf(name), received, heard: (count, ms) => heard(received, count, ms) };
    },
    stop(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function heard(received: Received[], count: number, ms = HEAR_MS): Promise<Received[]> {
  for (const overAt = Date.now() + ms; received.length < count; await pause(LOOK_MS)) {
    if (Date.now() > overAt) throw new Disagreement(`${received.length} of ${count} requests came`);
  }
  return received;
}
