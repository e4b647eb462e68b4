/**
 * From a request's JSON to a submission: every fault found at once, every default filled in, every dedupe rule
 * of the type turned into a place. Asks no object and stores nothing.
 */

import { ATTEMPTS_MAX, type Place, type Policy, type Submission, temporaryKinds } from "../core/job.ts";
import { defaultBackoff } from "../core/retry.ts";
import { type Env, settings } from "../env.ts";
import type { ReplaySource } from "../job/stub.ts";
import { ATTEMPT_LIMIT_MAX_MS, DAY, type JobType, type JobTypes, MINUTE } from "../job-types/define.ts";
import { fingerprint } from "../lib/hash.ts";
import { derivedOwnedId, randomOwnedId } from "../lib/id.ts";
import { now } from "../lib/world.ts";
import { faultsOf, invalid, pointerTo } from "./body.ts";
import { type Fault, Problem } from "./problems.ts";
import { RUN_AHEAD_MAX_MS, SubmitRequest } from "./schemas.ts";
import { readWebhook, webhookFaults } from "./webhook-target.ts";

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

export type Submitted = { submission: Submission; onConflict: "return" | "reject" };

/** The limits a type gives its jobs, defaults filled in. Milliseconds. */
export function limitsOf(type: JobType) {
  return {
    maxAttempts: Math.min(type.maxAttempts ?? DEFAULT_ATTEMPTS, ATTEMPTS_MAX),
    attemptLimitMs: Math.min(type.attemptLimitMs ?? 5 * MINUTE, ATTEMPT_LIMIT_MAX_MS),
    silenceLimitMs: type.silenceLimitMs ?? null,
    timeLimitMs: type.timeLimitMs ?? DAY,
    retentionMs: type.retentionMs ?? 30 * DAY,
  };
}

/** How many attempts a job of this type has that asks for no number. */
function attemptsOf(type: JobType): number {
  return type.defaultAttempts ?? limitsOf(type).maxAttempts;
}

/** Reads a `POST /v1/jobs` body. Throws `unknown_job_type`, or `invalid_request` with every fault. */
export async function readSubmission(body: unknown, types: JobTypes, sender: Sender): Promise<Submitted> {
  const type = typeNamedIn(body, types);
  const outer = SubmitRequest.safeParse(body);
  const rawInput = (body as { input?: unknown } | null)?.input;
  const { faults, places } = await readInput(type, rawInput, sender);
  const outerFaults = outer.success ? limitFaults(outer.data, type) : faultsOf(outer.error);
  const { webhook, faults: webhookFaults } = readWebhook(body, sender);
  const allFaults = [...outerFaults, ...faults, ...webhookFaults];
  if (!outer.success || allFaults.length > 0) throw invalid(allFaults);
  const asked = outer.data;
  const limits = limitsOf(type);
  return {
    onConflict: asked.on_conflict ?? "return",
    submission: {
      ...(await identify(sender, body)),
      type: type.type,
      input: JSON.stringify(rawInput),
      metadata: asked.metadata ?? {},
      places,
      replayedFrom: null,
      webhook,
      policy: policyOf(type, sender.env, {
        maxAttempts: asked.max_attempts ?? attemptsOf(type),
        timeLimitMs: asked.time_limit_ms ?? limits.timeLimitMs,
      }),
      runAt: asked.run_at === undefined ? null : Date.parse(asked.run_at),
      startWithinMs: asked.start_within_ms ?? null,
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
  const type = typeNamedIn(source, types);
  const { faults, places } = await readInput(type, JSON.parse(source.input), sender);
  const allFaults = [...faults, ...webhookFaults(source.webhook, sender)];
  if (allFaults.length > 0) throw invalid(allFaults);
  return {
    ...(await identify(sender, { replay: source.id })),
    type: type.type,
    input: source.input,
    metadata: source.metadata,
    places: places.filter(({ rule }) => rule === "unique"),
    replayedFrom: source.id,
    webhook: source.webhook,
    policy: policyOf(type, sender.env, { maxAttempts: attemptsOf(type) }),
    runAt: null,
    startWithinMs: null,
  };
}

/** With a key the id follows from tenant and key, so that the same key meets the same object: that is the lock. */
async function identify(sender: Sender, request: unknown) {
  const { tenant, idempotencyKey: key, requestId, traceparent } = sender;
  const id = await (key === null ? randomOwnedId("job", tenant) : derivedOwnedId("job", tenant, key));
  const requestPrint = key === null ? null : await fingerprint(request);
  return { id, tenant, fingerprint: requestPrint, trace: { requestId, traceparent } };
}

function typeNamedIn(body: unknown, types: JobTypes): JobType {
  const name = typeof body === "object" && body !== null && "type" in body ? body.type : undefined;
  if (typeof name !== "string") throw invalid(outerFaultsOf(body));
  const type = types.get(name);
  if (type) return type;
  throw new Problem("unknown_job_type", { detail: `Use one of: ${[...types.keys()].join(", ")}.` });
}

function outerFaultsOf(body: unknown): Fault[] {
  const outer = SubmitRequest.safeParse(body);
  return outer.success ? [] : faultsOf(outer.error);
}

/** The faults of an input and, if it has none, the places it needs. That it is missing says the outer schema. */
async function readInput(
  type: JobType,
  rawInput: unknown,
  sender: Sender,
): Promise<{ faults: Fault[]; places: Place[] }> {
  if (rawInput === undefined) return { faults: [], places: [] };
  const input = type.input.safeParse(rawInput);
  if (!input.success) return { faults: faultsOf(input.error, ["input"]), places: [] };
  const door = { allowLocalTargets: settings(sender.env).ALLOW_LOCAL_TARGETS, ownHost: sender.ownHost };
  const found = type.check?.(input.data, door) ?? [];
  const faults = found.map(({ pointer, detail }) => ({ pointer: `#/input${pointer}`, detail }));
  return { faults, places: await placesOf(type, input.data, rawInput) };
}

async function placesOf(type: JobType, input: unknown, rawInput: unknown): Promise<Place[]> {
  const places: Place[] = [];
  if (type.sameRequestForMs !== undefined) {
    const name = `same_request/${await fingerprint(rawInput)}`;
    places.push({ rule: "same_request", name, untilAt: now() + type.sameRequestForMs });
  }
  const unique = type.uniquePlace?.(input) ?? null;
  if (unique !== null) places.push({ rule: "unique", name: `unique/${await fingerprint(unique)}` });
  return places;
}

/** What a type's own limits and today's date make of an otherwise well-formed request. */
function limitFaults(asked: SubmitRequest, type: JobType): Fault[] {
  const { maxAttempts, timeLimitMs } = limitsOf(type);
  const faults: Fault[] = [];
  const complain = (field: keyof SubmitRequest, detail: string) =>
    faults.push({ pointer: pointerTo([field]), detail });
  if ((asked.max_attempts ?? 1) > maxAttempts)
    complain("max_attempts", `At most ${maxAttempts} for this type.`);
  if ((asked.time_limit_ms ?? 1) > timeLimitMs)
    complain("time_limit_ms", `At most ${timeLimitMs} for this type.`);
  const isTooFar = asked.run_at !== undefined && Date.parse(asked.run_at) > now() + RUN_AHEAD_MAX_MS;
  if (isTooFar) complain("run_at", "At most 365 days ahead.");
  return faults;
}

function policyOf(type: JobType, env: Env, asked: Partial<Policy>): Policy {
  const { LEASE_MS, REDELIVER_MS } = settings(env);
  return {
    ...limitsOf(type),
    leaseMs: LEASE_MS,
    redeliverMs: REDELIVER_MS,
    backoff: { ...defaultBackoff, ...type.backoff },
    retryKinds: [...temporaryKinds, ...(type.alsoRetry ?? [])],
    ...asked,
  };
}
