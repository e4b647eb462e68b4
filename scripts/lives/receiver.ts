/** A third party and a receiver of webhooks in one: it notes under which keys and ids it is called for which job. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

/** Starts it on a free port. */
export async function startReceiver(onWebhook: (id: string, jobId: string) => void) {
  /** The `Idempotency-Key` of each call, by the path called. */
  const keys = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const webhookId = request.headers["webhook-id"];
    if (typeof webhookId === "string")
      onWebhook(webhookId, (JSON.parse(body) as { data: { id: string } }).data.id);
    else keys.set(request.url ?? "", String(request.headers["idempotency-key"]));
    response.writeHead(204).end();
  });
  await once(server.listen(0), "listening");
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    keyOf: (path: string): string | undefined => keys.get(path),
    stop(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}
