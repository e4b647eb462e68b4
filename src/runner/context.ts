/** What a job type's code is given: the promises of define.ts kept by the reporter and the stores. */

import { tenantJobs } from "../bulk/jobs.ts";
import type { Progress } from "../core/job.ts";
import { jobDatasets } from "../datasets/store.ts";
import { type Env, targetRules } from "../env.ts";
import { FileStore, jobFiles } from "../files/store.ts";
import { Continuation, type JobContext, JobFailure, type JobTypes } from "../job-types/define.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import type { RunAnswer } from "../rpc/job.ts";
import { hasStorage } from "../tenants/quotas.ts";
import type { Run } from "./claim.ts";

const CHECKPOINT_BYTES_MAX = 64 * 1024;

const EMPTY_PROGRESS: Progress = { current: null, total: null, unit: null, stage: null, message: null };

export function createJobContext(
  env: Env,
  types: JobTypes,
  { message, claim, lease, api, reporter }: Run,
): JobContext {
  const { tenant, jobId } = message;
  const startedAt = now();

  /** Makes a call that must succeed, and rejects if the attempt no longer counts. */
  async function confirmed(call: () => Promise<RunAnswer>): Promise<void> {
    reporter.onReply(await withRetry(call));
    reporter.signal.throwIfAborted();
  }

  /** Where the usage cannot be asked for, storing goes on: a quota may be late, and no job must fail for it. */
  async function ensureStorage(newDatasets = 0): Promise<void> {
    if (await hasStorage(env, tenant, newDatasets).catch(() => true)) return;
    const message = "A storage quota of the tenant is used up.";
    throw new JobFailure("permission_denied", { code: "storage_quota_exceeded", message });
  }

  async function holdFiles(): Promise<void> {
    await ensureStorage();
    await confirmed(() => api().holdFiles(lease));
  }

  const ensureCurrent = () => confirmed(() => api().report(lease, { progress: null, logs: [] }, true));

  return {
    id: jobId,
    attempt: claim.attempt,
    continuation: claim.continuation,
    signal: reporter.signal,
    checkpoint: claim.checkpoint === null ? null : JSON.parse(claim.checkpoint),
    traceparent: claim.trace.traceparent,
    tracestate: claim.trace.tracestate,
    targetRules: targetRules(env),
    files: jobFiles(new FileStore(env), tenant, jobId, holdFiles),
    datasets: jobDatasets(env, tenant, jobId, ensureStorage),
    jobs: tenantJobs(env, types, { jobId, tenant, ...claim.trace }),
    remainingMs: () => startedAt + claim.attemptTimeoutMs - now(),
    progress: (report) => reporter.progress({ ...EMPTY_PROGRESS, ...report }),
    log: (text, level = "info") => reporter.log(level, text),
    heartbeat: () => reporter.heartbeat(),
    ensureCurrent,
    async saveCheckpoint(checkpoint) {
      const text = checkpointText(checkpoint);
      await confirmed(() => api().saveCheckpoint(lease, text));
    },
    continueFrom: (checkpoint) => new Continuation(checkpoint),
  };
}

/** A checkpoint as stored. Throws if it is larger than 64 KiB, because it is written with every change. */
export function checkpointText(checkpoint: unknown): string {
  const text = JSON.stringify(checkpoint ?? null);
  if (new TextEncoder().encode(text).length > CHECKPOINT_BYTES_MAX) {
    throw new Error(`A checkpoint is at most ${CHECKPOINT_BYTES_MAX} bytes of JSON.`);
  }
  return text;
}
