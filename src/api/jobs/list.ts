/** `GET /v1/jobs`: a page of the tenant's jobs from the job index. */

import type { Context } from "hono";
import { tenantIndex } from "../../rpc/tenant-index.ts";
import type { AppEnv } from "../app-env.ts";
import { readListQuery } from "../request/query.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import { JOB_CACHE } from "./job-stub.ts";

export async function listJobs(c: Context<AppEnv>): Promise<Response> {
  const { tenant } = c.get("caller");
  const { filter, limit, cursor } = readListQuery(new URL(c.req.url).searchParams);
  const after = cursor === null ? null : await readCursor(tenant, filter, cursor);
  const { jobs, next } = await tenantIndex(c.env, tenant).page(filter, after, limit);
  const nextCursor = next && (await writeCursor(tenant, filter, next));
  const headers = {
    "Cache-Control": JOB_CACHE,
    ...(nextCursor !== null && { Link: nextLink(c, nextCursor) }),
  };
  return c.json({ data: jobs, next_cursor: nextCursor }, 200, headers);
}

/** The same query from the end of this page on (RFC 8288). */
function nextLink(c: Context<AppEnv>, cursor: string): string {
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set("cursor", cursor);
  return `<${pathname}?${searchParams}>; rel="next"`;
}
