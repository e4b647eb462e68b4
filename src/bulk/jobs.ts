/** A tenant's other jobs, in the hands of one of its jobs: chosen by a filter, and acted on one by one. */

import type { Trace } from "../core/job.ts";
import type { Env } from "../env.ts";
import type { JobTypes, TenantJobs } from "../job-types/define.ts";
import { log } from "../lib/log.ts";
import { withRetry } from "../lib/retry.ts";
import { jobObject, submissionObject } from "../rpc/job.ts";
import { tenantIndex } from "../rpc/tenant-index.ts";
import { readReplay } from "../submission/submission.ts";
import { hasQueue, typeFinder } from "../tenants/job-types.ts";
import { findTenant } from "../tenants/look-up.ts";
import { defaultSettings } from "../tenants/settings.ts";

/** Who acts: a job of this tenant, and on whose behalf. */
type Actor = { jobId: string; tenant: string } & Trace;

/** The jobs of the actor's tenant. */
export function tenantJobs(
  env: Env,
  types: JobTypes,
  { jobId, tenant, requestId, traceparent, tracestate, keyId }: Actor,
): TenantJobs {
  const index = () => tenantIndex(env, tenant);
  const api = (id: string) => jobObject(env, tenant, id);

  async function cancel(id: string): Promise<boolean> {
    const answer = await withRetry(() => api(id).cancel(`Cancelled by ${jobId}.`, null));
    return answer.kind === "cancelled";
  }

  async function remove(id: string, finishedBy: number): Promise<boolean> {
    const answer = await withRetry(() => api(id).delete(finishedBy));
    return answer.kind === "deleted";
  }

  /** What fails is made up for by the new job's alarm. */
  function publish(newId: string): Promise<void> {
    const failed = (error: unknown) => log("warn", "index_publish_failed", { job_id: newId, tenant, error });
    return withRetry(() => api(newId).publish()).catch(failed);
  }

  /** The new job's object is named after both jobs, so repeating the call makes no second job. */
  async function replay(id: string, finishedBy: number): Promise<boolean> {
    const source = await withRetry(() => api(id).replaySource());
    const finishedAt = source?.finishedAt ?? null;
    if (!source || finishedAt === null || finishedAt > finishedBy) return false;
    const sender = {
      env,
      tenant,
      terms: (await findTenant(env, tenant))?.settings ?? defaultSettings,
      idempotencyKey: null,
      requestId,
      traceparent,
      tracestate,
      keyId,
      ownHost: null,
      findType: typeFinder(env, tenant, types),
      hasQueue: (name: string) => hasQueue(env, tenant, name),
    };
    const replay = await readReplay({ ...source, id }, sender);
    if (!replay.ok) return false;
    const name = `bulk/${jobId}/${id}`;
    const submission = { ...replay.submission, fingerprint: name };
    const answer = await withRetry(() => submissionObject(env, tenant, name).submit(submission, "reject"));
    if (answer.kind === "accepted") await publish(answer.job.id);
    return answer.kind === "accepted" || answer.kind === "existing";
  }

  const actions = { cancel, replay, delete: remove };
  return {
    count: (filter) => withRetry(() => index().count(filter)),
    async page(filter, after, limit) {
      const { jobs, next } = await withRetry(() => index().page(filter, after, limit));
      return { jobs: jobs.map(({ id, created_at }) => ({ id, createdAt: Date.parse(created_at) })), next };
    },
    act: async (action, id, finishedBy) => ((await actions[action](id, finishedBy)) ? "done" : "skipped"),
  };
}
