/** `POST /v1/claims`: a remote worker asks for jobs, and may wait for one. */

import { type Context, Hono } from "hono";
import type { z } from "zod";
import { DAY } from "../../core/time.ts";
import { settings } from "../../env.ts";
import type { JobTypes } from "../../job-types/define.ts";
import { fingerprint } from "../../lib/hash.ts";
import { withRetry } from "../../lib/retry.ts";
import { now, uuid } from "../../lib/runtime.ts";
import { type Claim, jobObject } from "../../rpc/job.ts";
import { type ClaimRequest, type QueueRef, queueObject, queueRef } from "../../rpc/queue.ts";
import { formatTime } from "../../rpc/views.ts";
import { typeFinder } from "../../tenants/job-types.ts";
import { signToken } from "../../tenants/tokens.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { invalidRequest, readJson, validate } from "../request/body.ts";
import { parseIdempotencyKey } from "../request/headers.ts";
import { parseWait } from "../request/prefer.ts";
import { ClaimRequestSchema } from "./schemas.ts";
import { waitForJobs } from "./wait.ts";

const QUEUES_MAX = 5;

/** Without a job, a worker that does not wait asks again after this. */
const CLAIM_RETRY_SECONDS = 1;

/** A worker may ask how its run ended for some time after the end. */
const TOKEN_GRACE_MS = DAY;

type AskedClaim = z.output<typeof ClaimRequestSchema>;
type Given = { queue: QueueRef; jobId: string; lease: string; claim: Claim };

export function claimRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();
  routes.post("/claims", requireScope("jobs:work"), async (c) => {
    const asked = validate(ClaimRequestSchema, await readJson(c));
    const queues = await claimedQueues(c, types, asked);
    const key = parseIdempotencyKey(c.req.header("Idempotency-Key"));
    const request: ClaimRequest = {
      tenant: c.get("caller").tenant,
      types: asked.types,
      jobsMax: asked.max_jobs,
      claim: key === null ? uuid() : `key/${key}`,
      worker: { name: asked.worker.name, version: asked.worker.version ?? null },
    };
    const seconds = parseWait(c.req.header("Prefer"));
    const { given, isRepeated } = await claimWithin(c, queues, request, (seconds ?? 0) * 1_000);
    const jobs = await Promise.all(given.map((one) => claimedJob(c, request.tenant, one)));
    return c.json({ data: jobs }, 200, {
      ...NO_STORE,
      Vary: "Prefer",
      ...(seconds !== null && { "Preference-Applied": `wait=${seconds}` }),
      ...(isRepeated && { "Idempotent-Replayed": "true" }),
      ...(jobs.length === 0 && { "Retry-After": String(CLAIM_RETRY_SECONDS) }),
    });
  });
  return routes;
}

/** The queues of the types. Throws `unknown_job_type` for a type that no remote worker runs. */
async function claimedQueues(c: Context<AppEnv>, types: JobTypes, asked: AskedClaim): Promise<QueueRef[]> {
  const { tenant } = c.get("caller");
  const find = typeFinder(c.env, tenant, types);
  const queues = new Map<string, QueueRef>();
  for (const name of asked.types) {
    const type = await find(name);
    if (!type?.worker || !type.queue)
      throw new Problem("unknown_job_type", {
        detail: `No remote worker runs jobs of type ${name}. Declare it with PUT /v1/job-types/{type}.`,
      });
    const ref = queueRef(tenant, type.queue);
    queues.set(`${ref.tenant}/${ref.name}`, ref);
  }
  if (queues.size > QUEUES_MAX)
    throw invalidRequest([{ pointer: "#/types", detail: `Name types in at most ${QUEUES_MAX} queues.` }]);
  return [...queues.values()];
}

type ClaimOutcome = { given: Given[]; isRepeated: boolean };

/** Claims, and without a job waits until there may be one, as long as the worker prefers. */
async function claimWithin(
  c: Context<AppEnv>,
  queues: readonly QueueRef[],
  request: ClaimRequest,
  waitMs: number,
): Promise<ClaimOutcome> {
  const overAt = now() + waitMs;
  const client = c.req.raw.signal;
  while (!client.aborted) {
    const answer = await claimOnce(c, queues, request);
    const leftMs = overAt - now();
    if (client.aborted) await release(c, answer.given);
    if (answer.given.length > 0 || leftMs <= 0) return answer;
    await waitForJobs(c.env, queues, request, leftMs, client);
  }
  return { given: [], isRepeated: false };
}

/** The worker has gone before it got its jobs: others may have them at once. What fails ends with its lease. */
async function release(c: Context<AppEnv>, given: readonly Given[]): Promise<void> {
  const { tenant } = c.get("caller");
  const command = ({ lease }: Given) => ({ type: "release", lease }) as const;
  const released = given.map((one) => jobObject(c.env, tenant, one.jobId).runRemotely(command(one)));
  await Promise.allSettled(released);
}

async function claimOnce(
  c: Context<AppEnv>,
  queues: readonly QueueRef[],
  request: ClaimRequest,
): Promise<ClaimOutcome> {
  const given: Given[] = [];
  let isRepeated = false;
  for (const queue of queues) {
    const jobsMax = request.jobsMax - given.length;
    if (jobsMax === 0) break;
    const answer = await withRetry(() => queueObject(c.env, queue).claim({ ...request, jobsMax }));
    const started = await Promise.all(
      answer.entries.map((entry) => startClaimed(c, queue, { ...entry, tenant: request.tenant }, request)),
    );
    const found = started.filter((one) => one !== null);
    isRepeated ||= answer.isRepeated && found.length > 0;
    given.push(...found);
  }
  return { given, isRepeated };
}

type ClaimedRun = { tenant: string; jobId: string; attempt: number; continuation: number };

/** Starts the run that a slot was given for; null if the job has moved on. The same claim means the same lease. */
async function startClaimed(
  c: Context<AppEnv>,
  queue: QueueRef,
  { tenant, jobId, attempt, continuation }: ClaimedRun,
  { claim: name, worker }: ClaimRequest,
): Promise<Given | null> {
  const lease = await fingerprint({ tenant, name, jobId, attempt, continuation });
  const start = () => jobObject(c.env, tenant, jobId).start(attempt, continuation, lease, worker);
  const claim = await withRetry(start);
  if (claim) return { queue, jobId, lease, claim };
  await withRetry(() => queueObject(c.env, queue).verify(jobId));
  return null;
}

async function claimedJob(c: Context<AppEnv>, tenant: string, { jobId, lease, claim }: Given) {
  const { attempt, continuation, leaseMs, attemptExpiresAt } = claim;
  const token = { tenant, jobId, attempt, lease, leaseMs, expiresAt: attemptExpiresAt + TOKEN_GRACE_MS };
  const base = `/v1/jobs/${jobId}/attempts/${attempt}`;
  return {
    job: {
      id: jobId,
      type: claim.type,
      input: JSON.parse(claim.input) as unknown,
      metadata: claim.metadata,
      checkpoint: claim.checkpoint === null ? null : (JSON.parse(claim.checkpoint) as unknown),
      attempt,
      continuation,
      max_attempts: claim.maxAttempts,
    },
    attempt_token: await signToken({ kind: "attempt", ...token }, settings(c.env).SIGNING_SECRET),
    lease_expires_at: formatTime(claim.leaseExpiresAt),
    report_within_ms: reportWithinMs(leaseMs),
    attempt_expires_at: formatTime(attemptExpiresAt),
    heartbeat_timeout_ms: claim.heartbeatTimeoutMs,
    traceparent: claim.trace.traceparent,
    links: {
      report: `${base}/report`,
      checkpoint: `${base}/checkpoint`,
      succeed: `${base}/succeed`,
      fail: `${base}/fail`,
      continue: `${base}/continue`,
      release: `${base}/release`,
      acknowledge: `${base}/acknowledge`,
    },
  };
}

/** A third of the lease: two reports may be lost. */
export function reportWithinMs(leaseMs: number): number {
  return Math.floor(leaseMs / 3);
}
