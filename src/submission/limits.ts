/** What a submission makes of the limits of its type. */

import { type Policy, temporaryKinds } from "../core/job.ts";
import { defaultBackoff } from "../core/retry.ts";
import { type Env, settings } from "../env.ts";
import { toEpochMs } from "../lib/rfc3339.ts";
import { now } from "../lib/runtime.ts";
import type { TenantSettings } from "../rpc/tenant.ts";
import { type FieldError, toPointer } from "./field-errors.ts";
import { RUN_AHEAD_MAX_MS, type SubmitRequest } from "./request.ts";
import type { SubmittableType } from "./type.ts";

/** What a tenant sets for its jobs. */
export type TenantTerms = Pick<TenantSettings, "retentionMs" | "index" | "weight">;

/** The policy of a job of this type; `request` may set its own number of attempts and total timeout. */
export function createPolicy(
  type: SubmittableType,
  env: Env,
  terms: TenantTerms,
  request: Pick<SubmitRequest, "max_attempts" | "total_timeout_ms">,
): Policy {
  const { LEASE_MS, DISPATCH_TIMEOUT_MS } = settings(env);
  const { limits } = type;
  return {
    maxAttempts: request.max_attempts ?? type.defaultAttempts ?? limits.maxAttempts,
    attemptTimeoutMs: limits.attemptTimeoutMs,
    heartbeatTimeoutMs: limits.heartbeatTimeoutMs,
    totalTimeoutMs: request.total_timeout_ms ?? limits.totalTimeoutMs,
    retentionMs: terms.retentionMs ?? limits.retentionMs,
    leaseMs: limits.leaseMs ?? LEASE_MS,
    dispatchTimeoutMs: DISPATCH_TIMEOUT_MS,
    backoff: { ...defaultBackoff, ...type.backoff },
    retryKinds: [...temporaryKinds, ...type.alsoRetry],
    index: terms.index,
  };
}

/** What a well-formed request asks for beyond the limits of its type. */
export function limitErrors(request: SubmitRequest, { limits }: SubmittableType): FieldError[] {
  const { maxAttempts, totalTimeoutMs } = limits;
  const { max_attempts = 1, total_timeout_ms = 1, run_at } = request;
  const isTooFar = run_at !== undefined && toEpochMs(run_at) > now() + RUN_AHEAD_MAX_MS;
  const rules: [keyof SubmitRequest, boolean, string][] = [
    ["max_attempts", max_attempts > maxAttempts, `At most ${maxAttempts} for this type.`],
    ["total_timeout_ms", total_timeout_ms > totalTimeoutMs, `At most ${totalTimeoutMs} for this type.`],
    ["run_at", isTooFar, "At most 365 days ahead."],
  ];
  return rules
    .filter(([, isBroken]) => isBroken)
    .map(([field, , detail]) => ({ pointer: toPointer([field]), detail }));
}
