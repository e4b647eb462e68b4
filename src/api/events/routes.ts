/** The route of a job's events: as JSON, as Server-Sent Events, or over a WebSocket, all with the same ids. */

import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { log } from "../../lib/log.ts";
import { NORMAL_CLOSURE } from "../../lib/socket.ts";
import type { AppEnv } from "../app-env.ts";
import { JOB_CACHE, jobStubFactory } from "../jobs/job-stub.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import {
  FULL_RECONNECT_MS,
  RECONNECT_MS,
  retryStream,
  type Subscribable,
  type Subscription,
  sseStream,
  subscribe,
} from "./subscribe.ts";

const EVENT_STREAM = "text/event-stream";
/** nginx buffers a response unless this header says no; `no-transform` keeps proxies from compressing it. */
const STREAM_HEADERS = {
  "Content-Type": EVENT_STREAM,
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
};

export function eventRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/jobs/:id/events", requireScope("jobs:read", "events"), async (c) => {
    c.header("Vary", "Accept", { append: true });
    const api = jobStubFactory(c);
    const job = { api, credential: c.get("caller").keyId };
    const after = readAfter(c);
    const isGet = c.req.method === "GET";
    if (isGet && c.req.header("Upgrade")?.toLowerCase() === "websocket")
      return webSocketResponse(await subscribe(job, after));
    const wanted = accepts(c, {
      header: "Accept",
      supports: ["application/json", EVENT_STREAM],
      default: "application/json",
    });
    if (wanted === EVENT_STREAM && isGet)
      return streamResponse(c, await subscribeOrUnreachable(c, job, after));
    const events = await api().eventsAfter(after);
    if (!events) throw new Problem("not_found");
    if (wanted === EVENT_STREAM) return c.body(null, 200, STREAM_HEADERS);
    return c.json({ data: events }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}

/**
 * Subscribes; "unreachable" if retries did not help. The stream has begun by then, so a 503 cannot be sent and the
 * error is logged.
 */
async function subscribeOrUnreachable(
  c: Context<AppEnv>,
  job: Subscribable,
  after: number,
): Promise<Subscription | "unreachable"> {
  try {
    return await subscribe(job, after);
  } catch (error) {
    log("error", "unavailable", { request_id: c.get("requestId"), error });
    return "unreachable";
  }
}

function streamResponse(c: Context<AppEnv>, subscription: Subscription | "unreachable"): Response {
  if (subscription === "not_found") throw new Problem("not_found");
  if (subscription === "nothing_to_come") return c.body(null, 204, { "Cache-Control": "no-store" });
  if (subscription === "full")
    return c.body(retryStream("too many subscribers", FULL_RECONNECT_MS), 200, STREAM_HEADERS);
  if (subscription === "unreachable")
    return c.body(retryStream("not reachable now", RECONNECT_MS), 200, STREAM_HEADERS);
  return c.body(sseStream(subscription), 200, STREAM_HEADERS);
}

/** Hands the object's socket through to the client, whose bytes then no longer pass through here. */
function webSocketResponse(subscription: Subscription): Response {
  if (subscription === "not_found") throw new Problem("not_found");
  if (subscription === "full") {
    const seconds = String(FULL_RECONNECT_MS / 1_000);
    throw new Problem("unavailable", {
      detail: "The job has too many subscribers. Try again later.",
      headers: { "Retry-After": seconds },
    });
  }
  if (subscription !== "nothing_to_come") return new Response(null, { status: 101, webSocket: subscription });
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(NORMAL_CLOSURE, "The job has finished.");
  return new Response(null, { status: 101, webSocket: client });
}

/**
 * The seq after which the events begin: `Last-Event-ID`, which a reconnecting EventSource sends along with its first
 * URL, else `?after=`, else 0. An empty one is none. Throws `malformed_request` if it is no whole number.
 */
function readAfter(c: Context<AppEnv>): number {
  const given = c.req.header("Last-Event-ID") || c.req.query("after");
  if (!given) return 0;
  if (!/^\d+$/.test(given)) {
    throw new Problem("malformed_request", {
      detail: "The parameter after must be the seq of an event, a whole number.",
    });
  }
  return Number(given);
}
