/** The routes of a job: submit, read, cancel, replay, delete, and its result. */

import { type Context, Hono } from "hono";
import type { JobTypes } from "../../job-types/define.ts";
import { log } from "../../lib/log.ts";
import { withRetry } from "../../lib/retry.ts";
import { sleep } from "../../lib/runtime.ts";
import { jobObject, type SubmitAnswer } from "../../rpc/job.ts";
import type { Snapshot } from "../../rpc/views.ts";
import { readReplay, readSubmission, type Sender } from "../../submission/submission.ts";
import type { AppEnv } from "../app-env.ts";
import { waitUntilFinished } from "../events/subscribe.ts";
import { fileResponse } from "../files/response.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readJson, readOptionalJson, validate } from "../request/body.ts";
import { matchesWeakly, parseIdempotencyKey, parseIfMatch } from "../request/headers.ts";
import { parseWait } from "../request/prefer.ts";
import { CancelRequestSchema, ReplayRequestSchema } from "../schemas.ts";
import { JOB_CACHE, jobStub } from "./job-stub.ts";

/** Within a second a new job is to be listed. */
const PUBLISH_DELAY_MS = 400;

type JobsRequest = Context<AppEnv>;

export function jobRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.post("/jobs", requireScope("jobs:write"), async (c) => {
    return submitJob(c, types, await readJson(c));
  });

  routes.get("/jobs/:id", requireScope("jobs:read"), async (c) => {
    const job = await jobStub(c);
    const found = (await waitForFinish(c, (await job.read()) ?? throwNotFound())) ?? throwNotFound();
    const headers = { ...snapshotHeaders(found), ...preferHeaders(c) };
    if (hasCurrent(c, found)) return c.body(null, 304, headers);
    return c.json({ data: found.job }, 200, headers);
  });

  routes.post("/jobs/:id/cancel", requireScope("jobs:write"), async (c) => {
    const job = await jobStub(c);
    const { reason } = validate(CancelRequestSchema, await readOptionalJson(c));
    const answer = await job.cancel(reason ?? null, parseIfMatch(c.req.header("If-Match")));
    switch (answer.kind) {
      case "cancelled":
        return c.json({ data: answer.job }, 200, snapshotHeaders(answer));
      case "not_found":
        return throwNotFound();
      case "version_mismatch":
        throw new Problem("precondition_failed", { members: { job_status: answer.status } });
      case "not_cancellable":
        throw new Problem("job_not_cancellable", { members: { job_status: answer.status } });
    }
  });

  routes.post("/jobs/:id/replay", requireScope("jobs:write"), async (c) => {
    const id = c.req.param("id");
    const sender = senderOf(c);
    const source = (await (await jobStub(c)).replaySource()) ?? throwNotFound();
    validate(ReplayRequestSchema, await readOptionalJson(c));
    if (!source.isFinished) throw new Problem("job_not_finished", { members: { job_status: source.status } });
    const submission = await readReplay({ ...source, id }, types, sender);
    const answer = await jobObject(c.env, submission.tenant, submission.id).submit(
      submission,
      "use_existing",
    );
    publishLater(c, answer);
    return submitResponse(c, answer, "never waits");
  });

  routes.delete("/jobs/:id", requireScope("jobs:write"), async (c) => {
    const answer = await (await jobStub(c)).delete();
    switch (answer.kind) {
      case "deleted":
        return c.body(null, 204, { "Cache-Control": "no-store" });
      case "not_found":
        return throwNotFound();
      case "not_finished":
        throw new Problem("job_not_finished", { members: { job_status: answer.status } });
    }
  });

  routes.get("/jobs/:id/result", requireScope("jobs:read"), async (c) => {
    const found = (await (await jobStub(c)).read()) ?? throwNotFound();
    const { job } = found;
    if (job.status === "queued" || job.status === "running") {
      return c.json({ data: job }, 202, snapshotHeaders(found));
    }
    if (!("result" in job)) throw new Problem("job_without_result", { members: { job_status: job.status } });
    const file = types.get(job.type)?.resultFile?.(job.result);
    if (file !== undefined) return fileResponse(c, file);
    const headers = snapshotHeaders(found);
    if (hasCurrent(c, found)) return c.body(null, 304, headers);
    return c.body(JSON.stringify(job.result), 200, { ...headers, "Content-Type": "application/json" });
  });

  return routes;
}

/**
 * A moment later the listing is told, unless it has heard by then how the job ended: the Worker waits for nothing,
 * while every word to the listing has its price.
 */
function publishLater(c: JobsRequest, answer: SubmitAnswer): void {
  if (answer.kind !== "accepted") return;
  const { tenant } = c.get("caller");
  const api = () => jobObject(c.env, tenant, answer.job.id);
  const announced = sleep(PUBLISH_DELAY_MS)
    .then(() => withRetry(() => api().publish()))
    .catch((error) => log("warn", "index_publish_failed", { job_id: answer.job.id, tenant, error }));
  c.executionCtx.waitUntil(announced);
}

/** Submits the job that a body describes, and answers as `POST /v1/jobs` does. */
export async function submitJob(c: JobsRequest, types: JobTypes, body: unknown): Promise<Response> {
  const { submission, onConflict } = await readSubmission(body, types, senderOf(c));
  const answer = await jobObject(c.env, submission.tenant, submission.id).submit(submission, onConflict);
  publishLater(c, answer);
  return submitResponse(c, answer, "may wait");
}

/** Whether the client already has this version of the job. */
function hasCurrent(c: JobsRequest, { job }: Snapshot): boolean {
  return matchesWeakly(c.req.header("If-None-Match"), String(job.version));
}

function throwNotFound(): never {
  throw new Problem("not_found");
}

function senderOf(c: JobsRequest): Sender {
  return {
    env: c.env,
    tenant: c.get("caller").tenant,
    idempotencyKey: parseIdempotencyKey(c.req.header("Idempotency-Key")),
    requestId: c.get("requestId"),
    traceparent: c.get("traceparent"),
    ownHost: new URL(c.req.url).host,
  };
}

/**
 * The answer to a submission: 202 with the job that was made, or with the one that stands in its stead; 200 if the
 * client preferred to wait and the job has finished.
 */
async function submitResponse(c: JobsRequest, answer: SubmitAnswer, waiting: "may wait" | "never waits") {
  switch (answer.kind) {
    case "key_reused":
      throw new Problem("idempotency_key_reused");
    case "duplicate":
      throw new Problem("duplicate_job", { members: { job_id: answer.jobId } });
    case "accepted":
    case "existing": {
      const deduplicated = answer.kind === "existing" ? answer.deduplicated : undefined;
      const url = answer.job.links.self;
      const headers = {
        Location: url,
        "Content-Location": url,
        Link: `<${url}>; rel="monitor"`,
        ...(deduplicated === "idempotency_key" && { "Idempotent-Replayed": "true" }),
      };
      if (waiting === "never waits")
        return c.json({ data: answer.job, deduplicated }, 202, { ...snapshotHeaders(answer), ...headers });
      const found = (await waitForFinish(c, answer).catch(() => null)) ?? answer;
      const hasFinished = found.pollAfterSeconds === null && parseWait(c.req.header("Prefer")) !== null;
      const status = hasFinished ? 200 : 202;
      return c.json({ data: found.job, deduplicated }, status, {
        ...snapshotHeaders(found),
        ...headers,
        ...preferHeaders(c),
      });
    }
  }
}

/** The job once it has finished, or once the time the client would wait is over; null if it was purged meanwhile. */
async function waitForFinish(c: JobsRequest, found: Snapshot): Promise<Snapshot | null> {
  const seconds = parseWait(c.req.header("Prefer"));
  const isWaiting =
    seconds !== null && seconds > 0 && found.pollAfterSeconds !== null && c.req.method !== "HEAD";
  if (!isWaiting) return found;
  const api = () => jobObject(c.env, c.get("caller").tenant, found.job.id);
  await waitUntilFinished(api, seconds, c.req.raw.signal);
  return withRetry(() => api().read());
}

function preferHeaders(c: JobsRequest): Record<string, string> {
  const seconds = parseWait(c.req.header("Prefer"));
  return { Vary: "Prefer", ...(seconds === null ? {} : { "Preference-Applied": `wait=${seconds}` }) };
}

function snapshotHeaders({ job, pollAfterSeconds }: Snapshot): Record<string, string> {
  return {
    ETag: `"${job.version}"`,
    "Cache-Control": JOB_CACHE,
    ...(pollAfterSeconds === null ? {} : { "Retry-After": String(pollAfterSeconds) }),
  };
}
