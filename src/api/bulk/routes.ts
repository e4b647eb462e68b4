/** `POST /v1/bulk`: one action on all jobs that a filter chooses, counted, or done by a job of its own. */

import { Hono } from "hono";
import type { JobTypes } from "../../job-types/define.ts";
import { toJobFilter } from "../../job-types/jobs-bulk.ts";
import { now } from "../../lib/runtime.ts";
import { jobIndexObject } from "../../rpc/job-index.ts";
import type { AppEnv } from "../app-env.ts";
import { JOB_CACHE } from "../jobs/job-stub.ts";
import { submitJob } from "../jobs/submit.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { readJson, validate } from "../request/body.ts";
import { BulkRequestSchema } from "./schemas.ts";

export function bulkRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.post("/bulk", requireScope("jobs:write"), async (c) => {
    const { dry_run, ...input } = validate(BulkRequestSchema, await readJson(c));
    if (!dry_run) return submitJob(c, types, { type: "jobs.bulk", input });
    const filter = toJobFilter(input, now());
    const count = filter ? await jobIndexObject(c.env, c.get("caller").tenant).count(filter) : 0;
    return c.json({ data: { count } }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}
