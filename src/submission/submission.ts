/**
 * From a request's JSON to a submission: every fault found at once, every default filled in, every dedupe rule
 * of the type turned into a place. Asks no object and stores nothing.
 */

import { type FieldError, Problem } from "../api/problems.ts";
import { invalidRequest, toFieldErrors, toPointer } from "../api/request/body.ts";
import { RUN_AHEAD_MAX_MS, SubmitRequestSchema } from "../api/schemas.ts";
import { ATTEMPTS_MAX, type Policy, type Submission, temporaryKinds, type UniqueKey } from "../core/job.ts";
import { defaultBackoff } from "../core/retry.ts";
import { type Env, settings } from "../env.ts";
import { ATTEMPT_TIMEOUT_MAX_MS, DAY, type JobType, type JobTypes, MINUTE } from "../job-types/define.ts";
import { fingerprint } from "../lib/hash.ts";
import { derivedOwnedId, randomOwnedId } from "../lib/id.ts";
import { now } from "../lib/runtime.ts";
import type { ReplaySource } from "../rpc/job.ts";
import { readWebhook, webhookErrors } from "./webhook.ts";

const DEFAULT_ATTEMPTS = 3;

/** Who submits, and how: what does not stand in the body. */
export type Sender = {
  env: Env;
  tenant: string;
  idempotencyKey: string | null;
  requestId: string;
  traceparent: string;
  /** Of the service itself, which a target must not be; null if nobody knows it. */
  ownHost: string | null;
};

export type Submitted = { submission: Submission; onConflict: "use_existing" | "reject" };

/** The limits a type gives its jobs, defaults filled in. Milliseconds. */
export function typeLimits(type: JobType) {
  return {
    maxAttempts: Math.min(type.maxAttempts ?? DEFAULT_ATTEMPTS, ATTEMPTS_MAX),
    attemptTimeoutMs: Math.min(type.attemptTimeoutMs ?? 5 * MINUTE, ATTEMPT_TIMEOUT_MAX_MS),
    heartbeatTimeoutMs: type.heartbeatTimeoutMs ?? null,
    totalTimeoutMs: type.totalTimeoutMs ?? DAY,
    retentionMs: type.retentionMs ?? 30 * DAY,
  };
}

/** How many attempts a job of this type has that asks for no number. */
function defaultAttempts(type: JobType): number {
  return type.defaultAttempts ?? typeLimits(type).maxAttempts;
}

/** Reads a `POST /v1/jobs` body. Throws `unknown_job_type`, or `invalid_request` with every fault. */
export async function readSubmission(body: unknown, types: JobTypes, sender: Sender): Promise<Submitted> {
  const type = findType(body, types);
  const outer = SubmitRequestSchema.safeParse(body);
  const rawInput = (body as { input?: unknown } | null)?.input;
  const { faults, uniqueKeys } = await readInput(type, rawInput, sender);
  const outerErrors = outer.success ? limitErrors(outer.data, type) : toFieldErrors(outer.error);
  const { webhook, faults: webhookFaults } = readWebhook(body, sender);
  const allFaults = [...outerErrors, ...faults, ...webhookFaults];
  if (!outer.success || allFaults.length > 0) throw invalidRequest(allFaults);
  const asked = outer.data;
  const limits = typeLimits(type);
  return {
    onConflict: asked.on_conflict ?? "use_existing",
    submission: {
      ...(await identify(sender, body)),
      type: type.type,
      input: JSON.stringify(rawInput),
      metadata: asked.metadata ?? {},
      uniqueKeys,
      replayedFrom: null,
      webhook,
      policy: createPolicy(type, sender.env, {
        maxAttempts: asked.max_attempts ?? defaultAttempts(type),
        totalTimeoutMs: asked.total_timeout_ms ?? limits.totalTimeoutMs,
      }),
      runAt: asked.run_at === undefined ? null : Date.parse(asked.run_at),
      startTimeoutMs: asked.start_timeout_ms ?? null,
    },
  };
}

/**
 * A submission that repeats a finished job. Throws if its type is gone or its input no longer acceptable.
 * That equal inputs are one job holds for posts; whoever replays asks for another one. The webhook goes along: whoever
 * was to hear of the job is to hear of its repetition, if that is still allowed.
 */
export async function readReplay(
  source: ReplaySource & { id: string },
  types: JobTypes,
  sender: Sender,
): Promise<Submission> {
  const type = findType(source, types);
  const { faults, uniqueKeys } = await readInput(type, JSON.parse(source.input), sender);
  const allFaults = [...faults, ...webhookErrors(source.webhook, sender)];
  if (allFaults.length > 0) throw invalidRequest(allFaults);
  return {
    ...(await identify(sender, { replay: source.id })),
    type: type.type,
    input: source.input,
    metadata: source.metadata,
    uniqueKeys: uniqueKeys.filter(({ rule }) => rule === "unique_key"),
    replayedFrom: source.id,
    webhook: source.webhook,
    policy: createPolicy(type, sender.env, { maxAttempts: defaultAttempts(type) }),
    runAt: null,
    startTimeoutMs: null,
  };
}

/** With a key the id follows from tenant and key, so that the same key meets the same object: that is the lock. */
async function identify(sender: Sender, request: unknown) {
  const { tenant, idempotencyKey: key, requestId, traceparent } = sender;
  const id = await (key === null ? randomOwnedId("job", tenant) : derivedOwnedId("job", tenant, key));
  const requestPrint = key === null ? null : await fingerprint(request);
  return { id, tenant, fingerprint: requestPrint, trace: { requestId, traceparent } };
}

function findType(body: unknown, types: JobTypes): JobType {
  const name = typeof body === "object" && body !== null && "type" in body ? body.type : undefined;
  if (typeof name !== "string") throw invalidRequest(outerErrors(body));
  const type = types.get(name);
  if (type) return type;
  throw new Problem("unknown_job_type", { detail: `Use one of: ${[...types.keys()].join(", ")}.` });
}

function outerErrors(body: unknown): FieldError[] {
  const outer = SubmitRequestSchema.safeParse(body);
  return outer.success ? [] : toFieldErrors(outer.error);
}

/** The faults of an input and, if it has none, the places it needs. That it is missing says the outer schema. */
async function readInput(
  type: JobType,
  rawInput: unknown,
  sender: Sender,
): Promise<{ faults: FieldError[]; uniqueKeys: UniqueKey[] }> {
  if (rawInput === undefined) return { faults: [], uniqueKeys: [] };
  const input = type.input.safeParse(rawInput);
  if (!input.success) return { faults: toFieldErrors(input.error, ["input"]), uniqueKeys: [] };
  const door = { allowLocalhost: settings(sender.env).ALLOW_LOCALHOST_URLS, ownHost: sender.ownHost };
  const found = type.check?.(input.data, door) ?? [];
  const faults = found.map(({ pointer, detail }) => ({ pointer: `#/input${pointer}`, detail }));
  return { faults, uniqueKeys: await uniqueKeysOf(type, input.data, rawInput) };
}

async function uniqueKeysOf(type: JobType, input: unknown, rawInput: unknown): Promise<UniqueKey[]> {
  const uniqueKeys: UniqueKey[] = [];
  if (type.dedupeWindowMs !== undefined) {
    const name = `input_hash/${await fingerprint(rawInput)}`;
    uniqueKeys.push({ rule: "input_hash", name, untilAt: now() + type.dedupeWindowMs });
  }
  const unique = type.uniqueKey?.(input) ?? null;
  if (unique !== null)
    uniqueKeys.push({ rule: "unique_key", name: `unique_key/${await fingerprint(unique)}` });
  return uniqueKeys;
}

/** What a type's own limits and today's date make of an otherwise well-formed request. */
function limitErrors(asked: SubmitRequestSchema, type: JobType): FieldError[] {
  const { maxAttempts, totalTimeoutMs } = typeLimits(type);
  const faults: FieldError[] = [];
  const complain = (field: keyof SubmitRequestSchema, detail: string) =>
    faults.push({ pointer: toPointer([field]), detail });
  if ((asked.max_attempts ?? 1) > maxAttempts)
    complain("max_attempts", `At most ${maxAttempts} for this type.`);
  if ((asked.total_timeout_ms ?? 1) > totalTimeoutMs)
    complain("total_timeout_ms", `At most ${totalTimeoutMs} for this type.`);
  const isTooFar = asked.run_at !== undefined && Date.parse(asked.run_at) > now() + RUN_AHEAD_MAX_MS;
  if (isTooFar) complain("run_at", "At most 365 days ahead.");
  return faults;
}

function createPolicy(type: JobType, env: Env, asked: Partial<Policy>): Policy {
  const { LEASE_MS, DISPATCH_TIMEOUT_MS } = settings(env);
  return {
    ...typeLimits(type),
    leaseMs: LEASE_MS,
    dispatchTimeoutMs: DISPATCH_TIMEOUT_MS,
    backoff: { ...defaultBackoff, ...type.backoff },
    retryKinds: [...temporaryKinds, ...(type.alsoRetry ?? [])],
    ...asked,
  };
}
