/** The routes that tell which job types there are, what they take and how far they may go. */

import { Hono } from "hono";
import { z } from "zod";
import type { JobType, JobTypes } from "../job-types/define.ts";
import type { AppEnv } from "./app-env.ts";
import { requires } from "./auth.ts";
import { Problem } from "./problems.ts";
import { limitsOf } from "./submission.ts";

/** Types change only with a deployment. */
const CACHE = { "Cache-Control": "private, max-age=60" };

export function jobTypeRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.get("/job-types", requires("jobs:read"), (c) =>
    c.json({ data: [...types.values()].map(presentJobType) }, 200, CACHE),
  );

  routes.get("/job-types/:type", requires("jobs:read"), (c) => {
    const type = types.get(c.req.param("type"));
    if (!type) throw new Problem("not_found");
    return c.json({ data: presentJobType(type) }, 200, CACHE);
  });

  return routes;
}

function presentJobType(type: JobType) {
  const { maxAttempts, attemptLimitMs, silenceLimitMs, timeLimitMs, retentionMs } = limitsOf(type);
  return {
    type: type.type,
    description: type.description,
    input_schema: z.toJSONSchema(type.input, { io: "input" }),
    limits: {
      max_attempts: maxAttempts,
      attempt_limit_ms: attemptLimitMs,
      silence_limit_ms: silenceLimitMs,
      time_limit_ms: timeLimitMs,
      retention_ms: retentionMs,
    },
    example: type.example,
  };
}
