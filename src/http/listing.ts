/** The routes over many jobs: the list, and the sums per hour. */

import { type Context, Hono } from "hono";
import { presentTime } from "../job/present.ts";
import { now } from "../lib/world.ts";
import { listingObject, type Totals } from "../listing/stub.ts";
import type { AppEnv } from "./app-env.ts";
import { requires } from "./auth.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { JOB_CACHE } from "./job-path.ts";
import { readListQuery, readTime, readType, refuse, refuseUnknown } from "./query.ts";

const DAY_MS = 24 * 60 * 60_000;

/** The longest time whose sums are told at once. */
const STATS_DAYS_MAX = 92;

export function listingRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/jobs", requires("jobs:read"), async (c) => {
    const { tenant } = c.get("caller");
    const { filter, limit, cursor } = readListQuery(new URL(c.req.url).searchParams);
    const after = cursor === null ? null : await readCursor(tenant, filter, cursor);
    const { jobs, next } = await listingObject(c.env, tenant).page(filter, after, limit);
    const nextCursor = next && (await writeCursor(tenant, filter, next));
    const headers = {
      "Cache-Control": JOB_CACHE,
      ...(nextCursor !== null && { Link: nextLink(c, nextCursor) }),
    };
    return c.json({ data: jobs, next_cursor: nextCursor }, 200, headers);
  });

  routes.get("/stats", requires("jobs:read"), async (c) => {
    const query = new URL(c.req.url).searchParams;
    refuseUnknown(query, (name) => ["from", "to", "type"].includes(name));
    const to = readTime(query, "to") ?? now();
    const from = readTime(query, "from") ?? to - DAY_MS;
    if (from > to) refuse("Give a from that is not later than to.");
    if (to - from > STATS_DAYS_MAX * DAY_MS) refuse(`Ask for at most ${STATS_DAYS_MAX} days at once.`);
    const type = query.get("type");
    const totals = await listingObject(c.env, c.get("caller").tenant).totals(
      from,
      to,
      type === null ? null : readType(type),
    );
    return c.json({ data: totals.map(presentTotals) }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}

/** RFC 8288: the same question, from where this page ends. */
function nextLink(c: Context<AppEnv>, cursor: string): string {
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set("cursor", cursor);
  return `<${pathname}?${searchParams}>; rel="next"`;
}

function presentTotals({ hour, waitingMs, runningMs, type, ...counts }: Totals) {
  return { type, hour: presentTime(hour), ...counts, waiting_ms: waitingMs, running_ms: runningMs };
}
