/** The routes of a running attempt of a remote worker. Its attempt token is the credential, and the fence. */

import { type Context, Hono } from "hono";
import type { z } from "zod";
import { failureReference } from "../../core/failure.ts";
import type { Report } from "../../core/job.ts";
import { log } from "../../lib/log.ts";
import { withRetry } from "../../lib/retry.ts";
import { jobObject, type RemoteCommand, type RemoteRunAnswer } from "../../rpc/job.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AttemptToken } from "../../tenants/tokens.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { reportWithinMs } from "../claims/routes.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readJson, readOptionalJson, validate } from "../request/body.ts";
import { parseWait } from "../request/prefer.ts";
import {
  CheckpointRequestSchema,
  ContinueRequestSchema,
  FailRequestSchema,
  ReportRequestSchema,
  SucceedRequestSchema,
} from "./schemas.ts";
import { attemptOver, attemptTokenOf } from "./token.ts";
import { watchRun } from "./watch.ts";

const ATTEMPT = "/jobs/:id/attempts/:number";

export function attemptRoutes() {
  const routes = new Hono<AppEnv>();
  const needsToken = requireScope("jobs:work", "attempt");

  routes.post(`${ATTEMPT}/report`, needsToken, report);

  routes.put(`${ATTEMPT}/checkpoint`, needsToken, async (c) => {
    const { checkpoint } = validate(CheckpointRequestSchema, await readJson(c));
    const { lease } = runOf(c);
    const answer = await say(c, { type: "save_checkpoint", lease, checkpoint: JSON.stringify(checkpoint) });
    return leaseResponse(c, answer);
  });

  routes.post(`${ATTEMPT}/succeed`, needsToken, async (c) => {
    const { result = null, ...said } = validate(SucceedRequestSchema, await readOptionalJson(c));
    const text = result === null ? null : JSON.stringify(result);
    return end(c, { type: "succeed", lease: runOf(c).lease, report: toReport(said), result: text });
  });

  routes.post(`${ATTEMPT}/fail`, needsToken, fail);

  routes.post(`${ATTEMPT}/continue`, needsToken, async (c) => {
    const { checkpoint, delay_ms, ...said } = validate(ContinueRequestSchema, await readJson(c));
    return end(c, {
      type: "continue",
      lease: runOf(c).lease,
      report: toReport(said),
      checkpoint: JSON.stringify(checkpoint),
      delayMs: delay_ms ?? null,
    });
  });

  routes.post(`${ATTEMPT}/release`, needsToken, (c) => end(c, { type: "release", lease: runOf(c).lease }));

  routes.post(`${ATTEMPT}/acknowledge`, needsToken, async (c) => {
    const { tenant, jobId, lease } = runOf(c);
    await withRetry(() => jobObject(c.env, tenant, jobId).acknowledge(lease));
    return c.body(null, 204, NO_STORE);
  });

  return routes;
}

/** With `Prefer: wait` the answer is held, and comes at once when the run is over. */
async function report(c: Context<AppEnv>): Promise<Response> {
  const { heartbeat = true, ...said } = validate(ReportRequestSchema, await readOptionalJson(c));
  const run = runOf(c);
  const { lease, leaseMs } = run;
  const answer = await say(c, { type: "report", lease, report: toReport(said), isHeartbeat: heartbeat });
  const seconds = parseWait(c.req.header("Prefer"));
  const waitMs = Math.min((seconds ?? 0) * 1_000, leaseMs / 2);
  const over = waitMs > 0 ? await watchRun(c.env, run, waitMs, c.req.raw.signal) : null;
  if (over) throw attemptOver(over);
  return leaseResponse(c, answer, seconds === null ? null : Math.floor(waitMs / 1_000));
}

async function fail(c: Context<AppEnv>): Promise<Response> {
  const { error, ...said } = validate(FailRequestSchema, await readJson(c));
  const { jobId, attempt, lease, tenant } = runOf(c);
  const reference = failureReference(jobId, attempt);
  const { kind, code = kind, message = null, retry_after_ms = null, internal } = error;
  const response = await end(c, {
    type: "fail",
    lease,
    report: toReport(said),
    failure: { kind, code, message, retryAfterMs: retry_after_ms, reference },
  });
  const fields = { job_id: jobId, tenant, attempt, request_id: c.get("requestId") };
  log("warn", "attempt_threw", { ...fields, kind, code, reference, ...(internal && { error: internal }) });
  return response;
}

/** The run of the token. Throws `not_found` if the path names another attempt. */
function runOf(c: Context<AppEnv>): AttemptToken {
  const token = attemptTokenOf(c);
  if (!token || c.req.param("number") !== String(token.attempt)) throw new Problem("not_found");
  return token;
}

type Accepted = Extract<RemoteRunAnswer, { ok: true }>;

/** Throws `attempt_over` if the run no longer counts. */
async function say(c: Context<AppEnv>, command: RemoteCommand): Promise<Accepted> {
  const { tenant, jobId } = runOf(c);
  const answer = await withRetry(() => jobObject(c.env, tenant, jobId).runRemotely(command));
  if (!answer) throw attemptOver({ reason: "stale", status: null });
  if (!answer.ok) throw attemptOver(answer);
  return answer;
}

async function end(c: Context<AppEnv>, command: RemoteCommand): Promise<Response> {
  const { ended } = await say(c, command);
  if (!ended) throw attemptOver({ reason: "stale", status: null });
  const { status, nextAttemptAt } = ended;
  const next_attempt_at = nextAttemptAt === null ? null : formatTime(nextAttemptAt);
  return c.json({ data: { job_status: status, next_attempt_at } }, 200, NO_STORE);
}

function leaseResponse(
  c: Context<AppEnv>,
  { leaseExpiresAt }: Accepted,
  waited: number | null = null,
): Response {
  const data = {
    lease_expires_at: leaseExpiresAt === null ? null : formatTime(leaseExpiresAt),
    report_within_ms: reportWithinMs(runOf(c).leaseMs),
  };
  const applied = waited !== null && { "Preference-Applied": `wait=${waited}` };
  return c.json({ data }, 200, { ...NO_STORE, Vary: "Prefer", ...applied });
}

type Said = Pick<z.output<typeof ReportRequestSchema>, "progress" | "logs">;

function toReport({ progress = undefined, logs = [] }: Said): Report {
  return { progress: progress ?? null, logs };
}
