/** Real subscribers, as their authors made them: the `eventsource` package, the `ws` package. They remember all they hear. */

import { EventSource } from "eventsource";
import { WebSocket } from "ws";
import type { EventView } from "../../src/rpc/views.ts";

export const FINAL = ["job.succeeded", "job.failed", "job.cancelled"];

const EVENT_TYPES = [
  ...["job.queued", "job.started", "job.progress", "job.log", "job.attempt_failed", "job.continued"],
  ...FINAL,
];

/** Progress that is not stored has no number. */
export const isStored = (event: object): event is EventView => "seq" in event;

type Connection = { lastEventId: string | null; status: number | null };

/** An EventSource on the job's events, which only the package decides to open again. */
export function listenByEventSource(url: string, key: string, id: string) {
  const events: EventView[] = [];
  const ids: string[] = [];
  /** Progress that is not stored. */
  const transient: object[] = [];
  /** Every time it connected: from where, and what came of it; null while, or if, there is no answer. */
  const connections: Connection[] = [];
  const source = new EventSource(`${url}/v1/jobs/${id}/events`, {
    async fetch(input, init) {
      const connection: Connection = { lastEventId: init.headers["Last-Event-ID"] ?? null, status: null };
      connections.push(connection);
      const headers = { ...init.headers, Authorization: `Bearer ${key}` };
      const response = await fetch(input, { ...init, headers });
      connection.status = response.status;
      return response;
    },
  });
  for (const type of EVENT_TYPES) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      const event = JSON.parse(data);
      if (!isStored(event)) {
        transient.push(event);
        return;
      }
      events.push(event);
      ids.push(lastEventId);
    });
  }
  return {
    events,
    ids,
    transient,
    connections,
    /** Whether it has given up connecting, for good. */
    hasEnded: () => source.readyState === source.CLOSED,
    close: () => source.close(),
  };
}

/** A WebSocket on the job's events; when the connection breaks, another from where it was. */
export async function listenByWebSocket(url: string, key: string, id: string): Promise<EventView[]> {
  const events: EventView[] = [];
  for (let code = 0; code !== 1000; ) {
    const after = events.at(-1)?.seq ?? 0;
    code = await hear(url, `/v1/jobs/${id}/events?after=${after}`, key, (event) => events.push(event));
  }
  return events;
}

/** One connection from its opening to its end; the closing code, or 1006 (RFC 6455) if there was none. */
export function hear(
  url: string,
  path: string,
  key: string,
  heard: (event: EventView) => void,
): Promise<number> {
  const options = {
    headers: { Authorization: `Bearer ${key}` },
    // The runtime says goodbye at once, but lets go of the connection only when the object falls asleep.
    closeTimeout: 500,
  };
  const socket = new WebSocket(url.replace("http", "ws") + path, options);
  return new Promise((resolve) => {
    socket.on("message", (data) => {
      const event = JSON.parse(String(data));
      if (isStored(event)) heard(event);
    });
    // The service is gone: retry later.
    socket.on("error", () => setTimeout(resolve, 100, 1006));
    socket.on("close", (code) => resolve(code));
  });
}
