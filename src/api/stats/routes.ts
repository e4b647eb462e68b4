/** The routes over many jobs: the list, and the sums per hour. */

import { type Context, Hono } from "hono";
import { now } from "../../lib/runtime.ts";
import { type HourStats, jobIndexObject } from "../../rpc/job-index.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { readCursor, writeCursor } from "../jobs/cursor.ts";
import { JOB_CACHE } from "../jobs/job-stub.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { readListQuery, readTime, readType, rejectQuery, rejectUnknown } from "../request/query.ts";

const STATS_DEFAULT_MS = 24 * 60 * 60_000;

/** The longest time whose sums are told at once. */
const STATS_DAYS_MAX = 92;

export function listRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/jobs", requireScope("jobs:read"), async (c) => {
    const { tenant } = c.get("caller");
    const { filter, limit, cursor } = readListQuery(new URL(c.req.url).searchParams);
    const after = cursor === null ? null : await readCursor(tenant, filter, cursor);
    const { jobs, next } = await jobIndexObject(c.env, tenant).page(filter, after, limit);
    const nextCursor = next && (await writeCursor(tenant, filter, next));
    const headers = {
      "Cache-Control": JOB_CACHE,
      ...(nextCursor !== null && { Link: nextLink(c, nextCursor) }),
    };
    return c.json({ data: jobs, next_cursor: nextCursor }, 200, headers);
  });

  routes.get("/stats", requireScope("jobs:read"), async (c) => {
    const query = new URL(c.req.url).searchParams;
    rejectUnknown(query, (name) => ["from", "to", "type"].includes(name));
    const to = readTime(query, "to") ?? now();
    const from = readTime(query, "from") ?? to - STATS_DEFAULT_MS;
    if (from > to) rejectQuery("Give a from that is not later than to.");
    if (to - from > STATS_DAYS_MAX * STATS_DEFAULT_MS)
      rejectQuery(`Ask for at most ${STATS_DAYS_MAX} days at once.`);
    const type = query.get("type");
    const totals = await jobIndexObject(c.env, c.get("caller").tenant).stats(
      from,
      to,
      type === null ? null : readType(type),
    );
    return c.json({ data: totals.map(toStatsView) }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}

/** RFC 8288: the same question, from where this page ends. */
function nextLink(c: Context<AppEnv>, cursor: string): string {
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set("cursor", cursor);
  return `<${pathname}?${searchParams}>; rel="next"`;
}

function toStatsView({ hour, queueTimeMs, runTimeMs, type, ...counts }: HourStats) {
  return { type, hour: formatTime(hour), ...counts, queue_time_ms: queueTimeMs, run_time_ms: runTimeMs };
}
