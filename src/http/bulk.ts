/** `POST /v1/bulk`: one action on all jobs that a filter chooses, counted, or done by a job of its own. */

import { Hono } from "hono";
import type { JobTypes } from "../job-types/define.ts";
import { chosenBy } from "../job-types/jobs-bulk.ts";
import { now } from "../lib/world.ts";
import { listingObject } from "../listing/stub.ts";
import type { AppEnv } from "./app-env.ts";
import { requires } from "./auth.ts";
import { readJson, validate } from "./body.ts";
import { JOB_CACHE } from "./job-path.ts";
import { submitAs } from "./jobs.ts";
import { BulkRequest } from "./schemas-listing.ts";

export function bulkRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.post("/bulk", requires("jobs:write"), async (c) => {
    const { dry_run, ...input } = validate(BulkRequest, await readJson(c));
    if (!dry_run) return submitAs(c, types, { type: "jobs.bulk", input });
    const filter = chosenBy(input, now());
    const count = filter ? await listingObject(c.env, c.get("caller").tenant).count(filter) : 0;
    return c.json({ data: { count } }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}
