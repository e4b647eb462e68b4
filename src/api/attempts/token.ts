/** The attempt token of a request, and the problem when its run is over. */

import type { Context } from "hono";
import type { JobStatus } from "../../core/job.ts";
import type { LeaseRejection } from "../../core/lease.ts";
import type { AttemptToken } from "../../tenants/tokens.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";

/** Null for another credential. */
export function attemptTokenOf(c: Context<AppEnv>): AttemptToken | null {
  const { token } = c.get("caller");
  return token?.kind === "attempt" ? token : null;
}

/** Why a run no longer counts; the status is null if the job is gone, too. */
export type RunOver = { reason: LeaseRejection; status: JobStatus | null };

export function attemptOver({ reason, status }: RunOver): Problem {
  return new Problem("attempt_over", { members: { reason, ...(status && { job_status: status }) } });
}
