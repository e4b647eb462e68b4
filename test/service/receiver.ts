/** A receiver of webhooks as a client would run one: a real HTTP server that behaves, or misbehaves, as a test says. */

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

export type Received = { headers: IncomingHttpHeaders; body: string; at: number };

/** Answers one request; what it does not end stays open. */
export type Behaviour = (response: ServerResponse) => void;

/** Answers with a status and perhaps headers, and says nothing. */
export function answering(status: number, headers: Record<string, string> = {}): Behaviour {
  return (response) => void response.writeHead(status, headers).end();
}

/** Starts it on a free port, or on a port it had before. */
export async function startReceiver(wantedPort = 0) {
  const routes = new Map<string, { behaviours: Behaviour[]; received: Received[] }>();
  const server = createServer(async (request, response) => {
    const at = Date.now();
    const route = routes.get(request.url ?? "");
    const body = await text(request);
    route?.received.push({ headers: request.headers, body, at });
    const next = route?.behaviours.length === 1 ? route.behaviours[0] : route?.behaviours.shift();
    (next ?? answering(404))(response);
  });
  server.listen(wantedPort);
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;

  return {
    port,
    /** A URL of its own that behaves so with its first, second, … request; the last behaviour repeats. */
    hook(name: string, ...behaviours: Behaviour[]) {
      const received: Received[] = [];
      routes.set(`/${name}`, { behaviours, received });
      return { url: `http://localhost:${port}/${name}`, received };
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;
