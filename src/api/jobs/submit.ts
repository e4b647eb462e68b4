/** Submitting: from a request to the job object's answer, and from that to the response. */

import type { Context } from "hono";
import type { JobTypes } from "../../job-types/define.ts";
import { log } from "../../lib/log.ts";
import { withRetry } from "../../lib/retry.ts";
import { sleep } from "../../lib/runtime.ts";
import {
  jobObject,
  type ReplaySource,
  type SubmitAnswer,
  submissionObject,
  type UsedUp,
} from "../../rpc/job.ts";
import type { FullBacklog } from "../../rpc/queue.ts";
import { toQueueLimitName } from "../../rpc/views.ts";
import {
  readReplay,
  readSubmission,
  type Sender,
  type SubmissionResult,
} from "../../submission/submission.ts";
import { hasQueue, typeFinder } from "../../tenants/job-types.ts";
import { jobQuotaUsedUp } from "../../tenants/quotas.ts";
import { defaultSettings } from "../../tenants/settings.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";
import { invalidRequest } from "../request/body.ts";
import { parseIdempotencyKey } from "../request/headers.ts";
import { parseWait } from "../request/prefer.ts";
import { makeJobToken } from "../tokens/routes.ts";
import { preferHeaders, snapshotHeaders, waitForFinish } from "./snapshot.ts";

/** Most jobs leave the queued state quickly, so a new job is indexed only after this; a finished one saves a write. */
const PUBLISH_DELAY_MS = 400;

/** The count of unfinished jobs is some seconds old. */
const QUOTA_RETRY_SECONDS = 10;

/** The job of an answer, and why it is the job of an earlier submission, if it is. */
type Submitted = Extract<SubmitAnswer, { job: unknown }>;

/** Submits the job that a body describes. `request` is what the client sent, if the body was made of it. */
export async function submitJob(
  c: Context<AppEnv>,
  types: JobTypes,
  body: unknown,
  request = body,
): Promise<Response> {
  return respondSubmitted(c, types, await readSubmission(body, toSender(c, types), request));
}

/** Submits a finished job once more, with these fields instead of its own. */
export async function replayJob(
  c: Context<AppEnv>,
  types: JobTypes,
  source: ReplaySource & { id: string },
  overrides: object,
): Promise<Response> {
  return respondSubmitted(c, types, await readReplay(source, toSender(c, types), overrides));
}

/** The response waits for the job's end if the client prefers to wait. */
async function respondSubmitted(
  c: Context<AppEnv>,
  types: JobTypes,
  result: SubmissionResult,
): Promise<Response> {
  const submitted = await submit(c, types, result);
  const found = (await waitForFinish(c, submitted).catch(() => null)) ?? submitted;
  const hasFinished = found.pollAfterSeconds === null && parseWait(c.req.header("Prefer")) !== null;
  const headers = { ...snapshotHeaders(found), ...submittedHeaders(submitted), ...preferHeaders(c) };
  const token = result.ok && result.token ? await makeJobToken(c, found.job.id, result.token) : null;
  return c.json(
    { ...toBody({ ...submitted, job: found.job }), ...(token && { token }) },
    hasFinished ? 200 : 202,
    headers,
  );
}

/** Hands a submission to its job object. Throws the problem of a rejected one. */
async function submit(c: Context<AppEnv>, types: JobTypes, result: SubmissionResult): Promise<Submitted> {
  if (!result.ok) throw toProblem(result, types);
  const { submission, onConflict, objectName } = result;
  const object = submissionObject(c.env, submission.tenant, objectName);
  const { state, used } = c.get("caller");
  const answer = await object.submit(submission, onConflict, jobQuotaUsedUp(state, used));
  switch (answer.kind) {
    case "key_reused":
      throw new Problem("idempotency_key_reused");
    case "duplicate":
      throw new Problem("duplicate_job", { members: { job_id: answer.jobId } });
    case "quota_exceeded":
      throw quotaProblem(answer);
    case "backlog_full":
      throw backlogProblem(answer);
    case "accepted":
      publishLater(c, answer.job.id);
      return answer;
    case "existing":
      return answer;
  }
}

function toProblem(result: Extract<SubmissionResult, { ok: false }>, types: JobTypes): Problem {
  if (result.reason === "invalid_request") return invalidRequest(result.errors);
  return new Problem("unknown_job_type", { detail: `Use one of: ${[...types.keys()].join(", ")}.` });
}

/** Waiting helps only where jobs finish by themselves. */
function quotaProblem({ limit, allowed, used }: UsedUp): Problem {
  const members = { limit, allowed, used };
  if (limit === "stored_jobs")
    return new Problem("storage_quota_exceeded", {
      detail: `The tenant stores ${used} jobs of ${allowed}. Delete finished ones, or shorten the retention.`,
      members,
    });
  return new Problem("quota_exceeded", {
    detail: `The tenant has ${used} unfinished jobs of ${allowed}. Submit again when some have finished.`,
    headers: { "Retry-After": String(QUOTA_RETRY_SECONDS) },
    members,
  });
}

function backlogProblem({ queue, limit, allowed, used, retryAfterSeconds }: FullBacklog): Problem {
  return new Problem("backlog_full", {
    detail: `In the queue ${queue} wait ${used} jobs of ${allowed}. Submit again when some have started.`,
    headers: { "Retry-After": String(retryAfterSeconds) },
    members: { queue, limit: toQueueLimitName(limit), allowed, used },
  });
}

function publishLater(c: Context<AppEnv>, jobId: string): void {
  const { tenant } = c.get("caller");
  const published = sleep(PUBLISH_DELAY_MS)
    .then(() => withRetry(() => jobObject(c.env, tenant, jobId).publish()))
    .catch((error) => log("warn", "index_publish_failed", { job_id: jobId, tenant, error }));
  c.executionCtx.waitUntil(published);
}

function toSender(c: Context<AppEnv>, types: JobTypes): Sender {
  const { tenant } = c.get("caller");
  return {
    env: c.env,
    tenant,
    findType: typeFinder(c.env, tenant, types),
    hasQueue: (name) => hasQueue(c.env, tenant, name),
    terms: c.get("caller").state?.settings ?? defaultSettings,
    idempotencyKey: parseIdempotencyKey(c.req.header("Idempotency-Key")),
    requestId: c.get("requestId"),
    keyId: c.get("caller").keyId,
    traceparent: c.get("traceparent"),
    tracestate: c.get("tracestate"),
    ownHost: new URL(c.req.url).host,
  };
}

function toBody(submitted: Submitted) {
  return {
    data: submitted.job,
    ...(submitted.kind === "existing" && { deduplicated: submitted.deduplicated }),
  };
}

function submittedHeaders(submitted: Submitted): Record<string, string> {
  const url = submitted.job.links.self;
  const isReplayed = submitted.kind === "existing" && submitted.deduplicated === "idempotency_key";
  return {
    Location: url,
    "Content-Location": url,
    Link: `<${url}>; rel="monitor"`,
    ...(isReplayed && { "Idempotent-Replayed": "true" }),
  };
}
