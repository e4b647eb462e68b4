/** `GET /v1/jobs`: a page of the tenant's jobs from the job index. */

import type { Context } from "hono";
import { tenantIndex } from "../../rpc/tenant-index.ts";
import type { AppEnv } from "../app-env.ts";
import { nextLink } from "../request/next-link.ts";
import { readListQuery } from "../request/query.ts";
import { readJobCursor, writeJobCursor } from "./cursor.ts";
import { JOB_CACHE } from "./job-stub.ts";

export async function listJobs(c: Context<AppEnv>): Promise<Response> {
  const { tenant } = c.get("caller");
  const { filter, limit, cursor } = readListQuery(new URL(c.req.url).searchParams);
  const after = cursor === null ? null : await readJobCursor(tenant, filter, cursor);
  const { jobs, next } = await tenantIndex(c.env, tenant).page(filter, after, limit);
  const nextCursor = next && (await writeJobCursor(tenant, filter, next));
  const headers = {
    "Cache-Control": JOB_CACHE,
    ...(nextCursor !== null && { Link: nextLink(c, nextCursor) }),
  };
  return c.json({ data: jobs, next_cursor: nextCursor }, 200, headers);
}
