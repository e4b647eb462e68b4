/** `GET /v1/stats`: what became of the tenant's jobs, per hour and type. */

import { Hono } from "hono";
import { DAY, HOUR } from "../../core/time.ts";
import { now } from "../../lib/runtime.ts";
import type { HourStats } from "../../rpc/job-stats.ts";
import { tenantIndex } from "../../rpc/tenant-index.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { JOB_CACHE } from "../jobs/job-stub.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { readTime, readType, rejectQuery } from "../request/query.ts";
import type { HourStatsJson } from "./schemas.ts";

/** The period if `from` is not given. */
const STATS_DEFAULT_MS = DAY;
const STATS_DAYS_MAX = 92;

export function statsRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/stats", requireScope("jobs:read"), async (c) => {
    const query = new URL(c.req.url).searchParams;
    const to = readTime(query, "to") ?? now();
    const from = readTime(query, "from") ?? Math.floor((to - STATS_DEFAULT_MS) / HOUR) * HOUR;
    if (from > to) rejectQuery("Give a from that is not later than to.");
    if (to - from > STATS_DAYS_MAX * STATS_DEFAULT_MS)
      rejectQuery(`Ask for at most ${STATS_DAYS_MAX} days at once.`);
    const name = query.get("type");
    const type = name === null ? null : readType(name);
    const stats = await tenantIndex(c.env, c.get("caller").tenant).stats(
      Math.ceil(from / HOUR) * HOUR,
      to,
      type,
    );
    return c.json({ data: stats.map(toStatsView) }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}

function toStatsView({ hour, queueTimeMs, runTimeMs, type, ...counts }: HourStats): HourStatsJson {
  return { type, hour: formatTime(hour), ...counts, queue_time_ms: queueTimeMs, run_time_ms: runTimeMs };
}
