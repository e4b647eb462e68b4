/**
 * A proxy before the service that makes one fault at a time: what a deployment would do that broke the contract so.
 * It shows that the conformance suite bites. Answers are held back until they are complete.
 */

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export type Passing = { method: string; url: string; headers: IncomingHttpHeaders };
export type Answering = { status: number; headers: IncomingHttpHeaders; body: string };

/** Changes a request before it passes, or an answer on its way back; `asked` is the request as it came. */
export type Fault = {
  ask?: (passing: Passing) => void;
  answer?: (answering: Answering, asked: Passing) => void;
};

/** Starts it before the service at `target`. */
export async function startFaultyProxy(target: string, fault: Fault) {
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const { method = "", url = "", headers } = incoming;
    const passing: Passing = { method, url, headers: { ...headers } };
    // Compressed, an answer could not be changed.
    delete passing.headers["accept-encoding"];
    fault.ask?.(passing);
    const going = request(`${target}${passing.url}`, { method: passing.method, headers: passing.headers });
    going.end(body);
    try {
      const [answer] = await once(going, "response");
      const bytes = await buffer(answer);
      const isText = /json|event-stream/.test(answer.headers["content-type"] ?? "");
      const answering: Answering = {
        status: answer.statusCode,
        headers: answer.headers,
        body: bytes.toString("utf8"),
      };
      fault.answer?.(answering, { method, url, headers });
      delete answering.headers["transfer-encoding"];
      if (method !== "HEAD" && bytes.length > 0) delete answering.headers["content-length"];
      outgoing.writeHead(answering.status, answering.headers).end(isText ? answering.body : bytes);
    } catch {
      outgoing.destroy();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}
