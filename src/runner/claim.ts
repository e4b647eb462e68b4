/** Claims the run of a message, and holds what the run needs. */

import type { Env } from "../env.ts";
import type { LogFields } from "../lib/log.ts";
import { withRetry } from "../lib/retry.ts";
import { uuid } from "../lib/runtime.ts";
import { traceIdOf } from "../lib/trace.ts";
import { type Claim, type JobApi, jobObject } from "../rpc/job.ts";
import type { JobMessage } from "../transport/message.ts";
import { RunReporter } from "./run-reporter.ts";

/** A claimed run, valid while its lease is. */
export type Run = {
  message: JobMessage;
  claim: Claim;
  lease: string;
  /** A fresh stub for every call. */
  api: () => JobApi;
  reporter: RunReporter;
  /** The fields of every log line of this run. */
  fields: LogFields;
};

/** Claims the run; null if it is not waiting to be claimed. Rejects if the job could not be reached. */
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
