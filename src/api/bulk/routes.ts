/** `POST /v1/bulk`: one action on all jobs that a filter chooses, counted, or done by a job of its own. */

import { Hono } from "hono";
import type { JobTypes } from "../../job-types/define.ts";
import { BULK_TYPE, toJobFilter } from "../../job-types/jobs-bulk.ts";
import { toEpochMs } from "../../lib/rfc3339.ts";
import { now } from "../../lib/runtime.ts";
import { tenantIndex } from "../../rpc/tenant-index.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { JOB_CACHE } from "../jobs/job-stub.ts";
import { submitJob } from "../jobs/submit.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { invalidRequest, readJson, validate } from "../request/body.ts";
import { BulkRequestSchema } from "./schemas.ts";

export function bulkRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.post("/bulk", requireScope("jobs:write"), async (c) => {
    const request = await readJson(c);
    const { dry_run, as_of = formatTime(now()), ...input } = validate(BulkRequestSchema, request);
    const asOf = toEpochMs(as_of);
    if (asOf > now()) throw invalidRequest([{ pointer: "#/as_of", detail: "Give a time that has passed." }]);
    if (!dry_run)
      return submitJob(
        c,
        types,
        { type: BULK_TYPE, input: { ...input, as_of }, on_conflict: "reject" },
        request,
      );
    const filter = toJobFilter(input, asOf);
    const count = filter ? await tenantIndex(c.env, c.get("caller").tenant).count(filter) : 0;
    return c.json({ data: { count, as_of: formatTime(asOf) } }, 200, { "Cache-Control": JOB_CACHE });
  });

  return routes;
}
