/** A receiver of webhooks that outlives the service and sometimes fails: it keeps who told what under which id. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Chance } from "./plan.ts";

/** One message in so many is refused when it first comes; then the service waits 5 s. */
const REFUSED_ONE_IN = 6;

export type Hooks = Awaited<ReturnType<typeof startHooks>>;

/** Starts it on a free port. */
export async function startHooks(chance: Chance) {
  /** By job and event: the ids under which it was told, each with how often it was taken. */
  const told = new Map<string, Map<string, number>>();
  const refused = new Set<string>();
  const server = createServer(async (request, response) => {
    const id = String(request.headers["webhook-id"]);
    const { type, data } = JSON.parse(await text(request)) as { type: string; data: { id: string } };
    if (!refused.has(id) && chance(1, REFUSED_ONE_IN) === 1) {
      refused.add(id);
      return chance(0, 1) ? response.writeHead(500).end() : response.destroy();
    }
    const ids = told.get(`${data.id} ${type}`) ?? new Map<string, number>();
    told.set(`${data.id} ${type}`, ids.set(id, (ids.get(id) ?? 0) + 1));
    response.writeHead(204).end();
  });
  await once(server.listen(0), "listening");
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    /** The ids under which this job told this event, each with how often. */
    idsOf: (jobId: string, event: string): ReadonlyMap<string, number> =>
      told.get(`${jobId} ${event}`) ?? new Map(),
    stop(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}
