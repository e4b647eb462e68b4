/** A tenant's other jobs, in the hands of one of its jobs: chosen by a filter, and acted on one by one. */

import type { Env } from "../env.ts";
import { Problem } from "../http/problems.ts";
import { readReplay } from "../http/submission.ts";
import { jobObject } from "../job/stub.ts";
import type { JobTypes } from "../job-types/define.ts";
import { derivedOwnedId } from "../lib/id.ts";
import { log } from "../lib/log.ts";
import { persist } from "../lib/persist.ts";
import type { Filter, Position } from "../listing/entry.ts";
import { listingObject } from "../listing/stub.ts";

export type BulkAction = "cancel" | "replay" | "delete";

/** Every call may be repeated; what has been done to a job once is not done again. Rejects if nobody answers. */
export type TenantJobs = {
  count(filter: Filter): Promise<number>;
  /** Where at most `limit` jobs after a position stand, newest first; `next` is null after the last. */
  page(
    filter: Filter,
    after: Position | null,
    limit: number,
  ): Promise<{ jobs: Position[]; next: Position | null }>;
  /** Does it, unless the job is gone, in another state by now, or no longer acceptable: then it is skipped. */
  act(action: BulkAction, id: string): Promise<"done" | "skipped">;
};

/** A replay that would be refused is skipped. */
function orNull(error: unknown): null {
  if (error instanceof Problem) return null;
  throw error;
}

/** Who acts: a job of this tenant, and on whose behalf. */
type Actor = { jobId: string; tenant: string; requestId: string; traceparent: string };

/** The jobs of the actor's tenant. */
export function tenantJobs(
  env: Env,
  types: JobTypes,
  { jobId, tenant, requestId, traceparent }: Actor,
): TenantJobs {
  const listing = () => listingObject(env, tenant);
  const api = (id: string) => jobObject(env, tenant, id);

  async function cancel(id: string): Promise<boolean> {
    const answer = await persist(() => api(id).cancel(`Cancelled by ${jobId}.`, null));
    return answer.kind === "cancelled";
  }

  async function remove(id: string): Promise<boolean> {
    const answer = await persist(() => api(id).remove());
    return answer.kind === "removed";
  }

  /** What fails is made up for by the new job's alarm. */
  function announce(newId: string): Promise<void> {
    const failed = (error: unknown) => log("warn", "announce_failed", { job_id: newId, tenant, error });
    return persist(() => api(newId).announce()).catch(failed);
  }

  /** The new job's id follows from both jobs, so that it is made once however often this is asked. */
  async function replay(id: string): Promise<boolean> {
    const source = await persist(() => api(id).replaySource());
    if (!source?.isFinished) return false;
    const sender = { env, tenant, idempotencyKey: null, requestId, traceparent, ownHost: null };
    const asked = await readReplay({ ...source, id }, types, sender).catch(orNull);
    if (!asked) return false;
    const newId = await derivedOwnedId("job", tenant, JSON.stringify(["bulk", jobId, id]));
    const submission = { ...asked, id: newId, fingerprint: `${jobId}/${id}` };
    const answer = await persist(() => api(newId).submit(submission, "reject"));
    if (answer.kind === "accepted") await announce(newId);
    return answer.kind === "accepted" || answer.kind === "replayed";
  }

  const actions = { cancel, replay, delete: remove };
  return {
    count: (filter) => persist(() => listing().count(filter)),
    async page(filter, after, limit) {
      const { jobs, next } = await persist(() => listing().page(filter, after, limit));
      return { jobs: jobs.map(({ id, created_at }) => ({ id, createdAt: Date.parse(created_at) })), next };
    },
    act: async (action, id) => ((await actions[action](id)) ? "done" : "skipped"),
  };
}
