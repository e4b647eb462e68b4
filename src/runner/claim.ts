/** Claims the slice a message rings for, and keeps together what a claimed run needs to speak to its job. */

import type { Env } from "../env.ts";
import type { LogFields } from "../lib/log.ts";
import { withRetry } from "../lib/retry.ts";
import { uuid } from "../lib/runtime.ts";
import { traceIdOf } from "../lib/trace.ts";
import { type Claim, type JobApi, jobObject } from "../rpc/job.ts";
import type { JobMessage } from "../transport/message.ts";
import { RunReporter } from "./run-reporter.ts";

/** A slice that is ours to run, as long as its lease holds. */
export type Run = {
  message: JobMessage;
  claim: Claim;
  lease: string;
  /** A fresh stub for every call. */
  api: () => JobApi;
  reporter: RunReporter;
  /** What every log line of this run carries. */
  fields: LogFields;
};

/** Claims the slice; null if it is not waiting to be claimed. Rejects if the job could not be reached. */
export async function claimRun(message: JobMessage, env: Env): Promise<Run | null> {
  const { tenant, jobId, attempt, continuation } = message;
  const api = () => jobObject(env, tenant, jobId);
  const lease = uuid();
  const claim = await withRetry(() => api().start(attempt, continuation, lease));
  if (!claim) return null;
  const { requestId: request_id, traceparent } = claim.trace;
  const trace_id = traceIdOf(traceparent);
  const fields = { job_id: jobId, tenant, type: claim.type, attempt, continuation, request_id, trace_id };
  return { message, claim, lease, api, reporter: new RunReporter(api, lease, claim), fields };
}
