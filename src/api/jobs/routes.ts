/** The routes of a job: submit, read, cancel, replay, delete, and its result. */

import { type Context, Hono } from "hono";
import type { JobTypes } from "../../job-types/define.ts";
import { type FullJobView, type JobView, toCompactView } from "../../rpc/views.ts";
import { ReplayRequestSchema } from "../../submission/request.ts";
import { typeFinder } from "../../tenants/job-types.ts";
import type { AppEnv } from "../app-env.ts";
import { fileResponse } from "../files/response.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readJson, readOptionalJson, validate } from "../request/body.ts";
import { parseIfMatch } from "../request/headers.ts";
import { JOB_CACHE, jobStub } from "./job-stub.ts";
import { listJobs } from "./list.ts";
import { CancelRequestSchema } from "./schemas.ts";
import { hasCurrent, preferHeaders, snapshotHeaders, throwNotFound, waitForFinish } from "./snapshot.ts";
import { replayJob, submitJob } from "./submit.ts";

export function jobRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();
  routes.get("/jobs", requireScope("jobs:read"), listJobs);
  routes.post("/jobs", requireScope("jobs:write"), async (c) => submitJob(c, types, await readJson(c)));
  routes.get("/jobs/:id", requireScope("jobs:read", "read"), readJob);
  routes.delete("/jobs/:id", requireScope("jobs:write"), deleteJob);
  routes.post("/jobs/:id/cancel", requireScope("jobs:write", "cancel"), cancelFromRequest);
  routes.post("/jobs/:id/replay", requireScope("jobs:write"), async (c) => {
    const source = (await jobStub(c).replaySource()) ?? throwNotFound();
    const overrides = readOverrides(await readOptionalJson(c));
    if (source.finishedAt === null)
      throw new Problem("job_not_finished", { members: { job_status: source.status } });
    return replayJob(c, types, { ...source, id: c.req.param("id") }, overrides);
  });
  routes.get("/jobs/:id/input", requireScope("jobs:read"), sendInput);
  routes.get("/jobs/:id/result", requireScope("jobs:read", "result"), (c) => readResult(c, types));
  return routes;
}

/** A browser token gets the compact form. */
function jobFor(c: Context<AppEnv>, job: FullJobView): JobView {
  return c.get("caller").token ? toCompactView(job) : job;
}

async function sendInput(c: Context<AppEnv>): Promise<Response> {
  const input = (await jobStub(c).input()) ?? throwNotFound();
  return c.body(input, 200, { "Content-Type": "application/json", "Cache-Control": JOB_CACHE });
}

async function readJob(c: Context<AppEnv>): Promise<Response> {
  const job = jobStub(c);
  const found = (await waitForFinish(c, (await job.read()) ?? throwNotFound())) ?? throwNotFound();
  const headers = { ...snapshotHeaders(found), ...preferHeaders(c) };
  if (hasCurrent(c, found)) return c.body(null, 304, headers);
  return c.json({ data: jobFor(c, found.job) }, 200, headers);
}

async function cancelFromRequest(c: Context<AppEnv>): Promise<Response> {
  const job = jobStub(c);
  const { reason } = validate(CancelRequestSchema, await readOptionalJson(c));
  const answer = await job.cancel(reason ?? null, parseIfMatch(c.req.header("If-Match")));
  switch (answer.kind) {
    case "cancelled":
      return c.json({ data: jobFor(c, answer.job) }, 200, snapshotHeaders(answer));
    case "not_found":
      return throwNotFound();
    case "version_mismatch":
      throw new Problem("precondition_failed", { members: { job_status: answer.status } });
    case "not_cancellable":
      throw new Problem("job_not_cancellable", { members: { job_status: answer.status } });
  }
}

async function deleteJob(c: Context<AppEnv>): Promise<Response> {
  const answer = await jobStub(c).delete();
  switch (answer.kind) {
    case "deleted":
      return c.body(null, 204, { "Cache-Control": "no-store" });
    case "not_found":
    case "finished_later":
      return throwNotFound();
    case "not_finished":
      throw new Problem("job_not_finished", { members: { job_status: answer.status } });
  }
}

async function readResult(c: Context<AppEnv>, types: JobTypes): Promise<Response> {
  const found = (await jobStub(c).read()) ?? throwNotFound();
  const { job } = found;
  if (job.status === "queued" || job.status === "running")
    return c.json({ data: jobFor(c, job) }, 202, snapshotHeaders(found));
  if (!("result" in job)) throw new Problem("job_without_result", { members: { job_status: job.status } });
  const type = await typeFinder(c.env, c.get("caller").tenant, types)(job.type);
  const file = type?.resultFileOf(job.result);
  if (file !== undefined) return fileResponse(c, file);
  const headers = snapshotHeaders(found);
  if (hasCurrent(c, found)) return c.body(null, 304, headers);
  return c.body(JSON.stringify(job.result), 200, { ...headers, "Content-Type": "application/json" });
}

/** The fields of a replay's body. A replay is of the type of its source, so \`type\` is no field. */
function readOverrides(body: unknown): object {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  if (!isObject || "type" in body) validate(ReplayRequestSchema, body);
  return body as object;
}
