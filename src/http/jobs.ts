/** The routes of a job: submit, read, cancel, replay, delete, and its result. */

import { type Context, Hono } from "hono";
import { jobObject, type Snapshot, type SubmitAnswer } from "../job/stub.ts";
import type { JobTypes } from "../job-types/define.ts";
import { log } from "../lib/log.ts";
import { persist } from "../lib/persist.ts";
import { pause } from "../lib/world.ts";
import type { AppEnv } from "./app-env.ts";
import { requires } from "./auth.ts";
import { readJson, readOptionalJson, validate } from "./body.ts";
import { fileResponse } from "./file-response.ts";
import { waitUntilFinished } from "./follow.ts";
import { matchesWeakly, parseIdempotencyKey, parseIfMatch } from "./headers.ts";
import { JOB_CACHE, jobAt } from "./job-path.ts";
import { parseWait } from "./prefer.ts";
import { Problem } from "./problems.ts";
import { CancelRequest, ReplayRequest } from "./schemas.ts";
import { readReplay, readSubmission, type Sender } from "./submission.ts";

/** Within a second a new job is to be listed. */
const ANNOUNCE_AFTER_MS = 400;

type JobContext = Context<AppEnv>;

export function jobRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.post("/jobs", requires("jobs:write"), async (c) => {
    return submitAs(c, types, await readJson(c));
  });

  routes.get("/jobs/:id", requires("jobs:read"), async (c) => {
    const job = await jobAt(c);
    const found = (await afterWaiting(c, (await job.read()) ?? notFound())) ?? notFound();
    const headers = { ...jobHeaders(found), ...preferHeaders(c) };
    if (hasCurrent(c, found)) return c.body(null, 304, headers);
    return c.json({ data: found.job }, 200, headers);
  });

  routes.post("/jobs/:id/cancel", requires("jobs:write"), async (c) => {
    const job = await jobAt(c);
    const { reason } = validate(CancelRequest, await readOptionalJson(c));
    const answer = await job.cancel(reason ?? null, parseIfMatch(c.req.header("If-Match")));
    switch (answer.kind) {
      case "cancelled":
        return c.json({ data: answer.job }, 200, jobHeaders(answer));
      case "not_found":
        return notFound();
      case "version_mismatch":
        throw new Problem("precondition_failed", { members: { job_status: answer.status } });
      case "not_cancellable":
        throw new Problem("job_not_cancellable", { members: { job_status: answer.status } });
    }
  });

  routes.post("/jobs/:id/replay", requires("jobs:write"), async (c) => {
    const id = c.req.param("id");
    const sender = senderOf(c);
    const source = (await (await jobAt(c)).replaySource()) ?? notFound();
    validate(ReplayRequest, await readOptionalJson(c));
    if (!source.isFinished) throw new Problem("job_not_finished", { members: { job_status: source.status } });
    const submission = await readReplay({ ...source, id }, types, sender);
    const answer = await jobObject(c.env, submission.tenant, submission.id).submit(submission, "return");
    announceLater(c, answer);
    return accepted(c, answer, "never waits");
  });

  routes.delete("/jobs/:id", requires("jobs:write"), async (c) => {
    const answer = await (await jobAt(c)).remove();
    switch (answer.kind) {
      case "removed":
        return c.body(null, 204, { "Cache-Control": "no-store" });
      case "not_found":
        return notFound();
      case "not_finished":
        throw new Problem("job_not_finished", { members: { job_status: answer.status } });
    }
  });

  routes.get("/jobs/:id/result", requires("jobs:read"), async (c) => {
    const found = (await (await jobAt(c)).read()) ?? notFound();
    const { job } = found;
    if (job.status === "queued" || job.status === "running") {
      return c.json({ data: job }, 202, jobHeaders(found));
    }
    if (!("result" in job)) throw new Problem("job_without_result", { members: { job_status: job.status } });
    const file = types.get(job.type)?.resultFile?.(job.result);
    if (file !== undefined) return fileResponse(c, file);
    const headers = jobHeaders(found);
    if (hasCurrent(c, found)) return c.body(null, 304, headers);
    return c.body(JSON.stringify(job.result), 200, { ...headers, "Content-Type": "application/json" });
  });

  return routes;
}

/**
 * A moment later the listing is told, unless it has heard by then how the job ended: the Worker waits for nothing,
 * while every word to the listing has its price.
 */
function announceLater(c: JobContext, answer: SubmitAnswer): void {
  if (answer.kind !== "accepted") return;
  const { tenant } = c.get("caller");
  const api = () => jobObject(c.env, tenant, answer.job.id);
  const announced = pause(ANNOUNCE_AFTER_MS)
    .then(() => persist(() => api().announce()))
    .catch((error) => log("warn", "announce_failed", { job_id: answer.job.id, tenant, error }));
  c.executionCtx.waitUntil(announced);
}

/** Submits the job that a body describes, and answers as `POST /v1/jobs` does. */
export async function submitAs(c: JobContext, types: JobTypes, body: unknown): Promise<Response> {
  const { submission, onConflict } = await readSubmission(body, types, senderOf(c));
  const answer = await jobObject(c.env, submission.tenant, submission.id).submit(submission, onConflict);
  announceLater(c, answer);
  return accepted(c, answer, "may wait");
}

/** Whether the client already has this version of the job. */
function hasCurrent(c: JobContext, { job }: Snapshot): boolean {
  return matchesWeakly(c.req.header("If-None-Match"), String(job.version));
}

function notFound(): never {
  throw new Problem("not_found");
}

function senderOf(c: JobContext): Sender {
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
async function accepted(c: JobContext, answer: SubmitAnswer, waiting: "may wait" | "never waits") {
  switch (answer.kind) {
    case "key_reused":
      throw new Problem("idempotency_key_reused");
    case "place_taken":
      throw new Problem("unique_conflict", { members: { job_id: answer.jobId } });
    case "accepted":
    case "replayed":
    case "unique_conflict": {
      const url = answer.job.links.self;
      const headers = {
        Location: url,
        "Content-Location": url,
        Link: `<${url}>; rel="monitor"`,
        ...standInHeaders(answer.kind),
      };
      if (waiting === "never waits")
        return c.json({ data: answer.job }, 202, { ...jobHeaders(answer), ...headers });
      const found = (await afterWaiting(c, answer).catch(() => null)) ?? answer;
      const hasFinished = found.pollAfterSeconds === null && parseWait(c.req.header("Prefer")) !== null;
      const status = hasFinished ? 200 : 202;
      return c.json({ data: found.job }, status, { ...jobHeaders(found), ...headers, ...preferHeaders(c) });
    }
  }
}

/** The job once it has finished, or once the time the client would wait is over; null if it was purged meanwhile. */
async function afterWaiting(c: JobContext, found: Snapshot): Promise<Snapshot | null> {
  const seconds = parseWait(c.req.header("Prefer"));
  const isWaiting =
    seconds !== null && seconds > 0 && found.pollAfterSeconds !== null && c.req.method !== "HEAD";
  if (!isWaiting) return found;
  const api = () => jobObject(c.env, c.get("caller").tenant, found.job.id);
  await waitUntilFinished(api, seconds, c.req.raw.signal);
  return persist(() => api().read());
}

function preferHeaders(c: JobContext): Record<string, string> {
  const seconds = parseWait(c.req.header("Prefer"));
  return { Vary: "Prefer", ...(seconds === null ? {} : { "Preference-Applied": `wait=${seconds}` }) };
}

function standInHeaders(kind: "accepted" | "replayed" | "unique_conflict"): Record<string, string> {
  if (kind === "replayed") return { "Idempotent-Replayed": "true" };
  if (kind === "unique_conflict") return { "Unique-Conflict": "true" };
  return {};
}

function jobHeaders({ job, pollAfterSeconds }: Snapshot): Record<string, string> {
  return {
    ETag: `"${job.version}"`,
    "Cache-Control": JOB_CACHE,
    ...(pollAfterSeconds === null ? {} : { "Retry-After": String(pollAfterSeconds) }),
  };
}
