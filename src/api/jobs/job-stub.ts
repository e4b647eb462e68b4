/** The job that a path names, as its caller may see it. */

import type { Context } from "hono";
import { isJobId, type JobApi, jobObject } from "../../rpc/job.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";

/** A job belongs to its tenant and may change at any time: kept by its reader only, and asked about each time. */
export const JOB_CACHE = "private, no-cache";

/** The object of the job in the path. Throws `not_found` for an id that this deployment has not made. */
export function jobStub(c: Context<AppEnv>): JobApi {
  return jobStubFactory(c)();
}

/** As `jobStub`, but returns a fresh stub for every call. */
export function jobStubFactory(c: Context<AppEnv>): () => JobApi {
  const id = c.req.param("id") ?? "";
  const { tenant } = c.get("caller");
  if (!isJobId(c.env, id)) throw new Problem("not_found");
  return () => jobObject(c.env, tenant, id);
}
