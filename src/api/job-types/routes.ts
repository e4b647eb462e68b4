/** The routes of the job types and their limits. */

import { Hono } from "hono";
import { z } from "zod";
import type { JobType, JobTypes } from "../../job-types/define.ts";
import { oncePer } from "../../lib/once.ts";
import { typeLimits } from "../../submission/limits.ts";
import type { AppEnv } from "../app-env.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";

/** Types change only with a deployment. */
const JOB_TYPES_CACHE = { "Cache-Control": "private, max-age=60" };

export function jobTypeRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.get("/job-types", requireScope("jobs:read"), (c) =>
    c.json({ data: [...types.values()].map(toJobTypeView) }, 200, JOB_TYPES_CACHE),
  );

  routes.get("/job-types/:type", requireScope("jobs:read"), (c) => {
    const type = types.get(c.req.param("type"));
    if (!type) throw new Problem("not_found");
    return c.json({ data: toJobTypeView(type) }, 200, JOB_TYPES_CACHE);
  });

  return routes;
}

/** Built once per type: turning its schema into JSON Schema takes a millisecond. */
const toJobTypeView = oncePer((type: JobType) => {
  const { maxAttempts, attemptTimeoutMs, heartbeatTimeoutMs, totalTimeoutMs, retentionMs } = typeLimits(type);
  return {
    type: type.type,
    description: type.description,
    input_schema: z.toJSONSchema(type.input, { io: "input" }),
    limits: {
      max_attempts: maxAttempts,
      attempt_timeout_ms: attemptTimeoutMs,
      heartbeat_timeout_ms: heartbeatTimeoutMs,
      total_timeout_ms: totalTimeoutMs,
      retention_ms: retentionMs,
    },
    example: type.example,
  };
});
