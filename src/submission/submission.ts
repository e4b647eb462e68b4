/**
 * From a request to a submission: finds every error at once, fills in every default, and derives the unique keys.
 * Calls no object and stores nothing.
 */

import type { DeliverableEvent } from "../core/deliveries.ts";
import type { Submission, UniqueKey } from "../core/job.ts";
import { type Env, targetRules } from "../env.ts";
import { fingerprint } from "../lib/hash.ts";
import { toEpochMs } from "../lib/rfc3339.ts";
import { now } from "../lib/runtime.ts";
import type { OnConflict, ReplaySource } from "../rpc/job.ts";
import { type FieldError, toFieldErrors } from "./field-errors.ts";
import { createPolicy, limitErrors, type TenantTerms } from "./limits.ts";
import { readQueue } from "./queueing.ts";
import { type JobTokenRequest, type SubmitRequest, SubmitRequestSchema } from "./request.ts";
import type { SubmittableType, TypeFinder } from "./type.ts";
import { readWebhook } from "./webhook.ts";

/** Who submits, and what the request says beside its body. */
export type Sender = {
  env: Env;
  tenant: string;
  /** What the tenant sets for its jobs. */
  terms: TenantTerms;
  idempotencyKey: string | null;
  requestId: string;
  traceparent: string;
  tracestate: string | null;
  /** The API key of the request, as logs name it. */
  keyId: string;
  /** The host of this service, which a target must not be; null if it is unknown. */
  ownHost: string | null;
  findType: TypeFinder;
  /** Whether the tenant has declared the queue. */
  hasQueue: (name: string) => Promise<boolean>;
};

/** What to submit and the name of its object (null for one of its own), or why the request is rejected. */
export type SubmissionResult =
  | {
      ok: true;
      submission: Submission;
      onConflict: OnConflict;
      objectName: string | null;
      /** The browser token that is wanted, too. */
      token: JobTokenRequest | null;
    }
  | { ok: false; reason: "unknown_job_type" }
  | { ok: false; reason: "invalid_request"; errors: FieldError[] };

/** Reads a `POST /v1/jobs` body. `request` is what the client sent, if the body was made of it. */
export async function readSubmission(
  body: unknown,
  sender: Sender,
  request = body,
): Promise<SubmissionResult> {
  return readRequest(body, sender, { replayedFrom: null, request });
}

/**
 * Reads the body of a replay: what it names replaces what the source had. All else is kept, within the present limits
 * of the type. Unlike a post, a replay ignores the dedupe window, because it asks for another job.
 */
export async function readReplay(
  source: ReplaySource & { id: string },
  sender: Sender,
  overrides: object = {},
): Promise<SubmissionResult> {
  const type = await sender.findType(source.type);
  if (!type) return { ok: false, reason: "unknown_job_type" };
  const request = { replay: source.id, ...overrides };
  const body = { ...keptRequest(source, type), ...overrides, type: source.type };
  const result = await readRequest(body, sender, { replayedFrom: source.id, request });
  if (!result.ok) return result;
  const uniqueKeys = result.submission.uniqueKeys.filter(({ rule }) => rule === "unique_key");
  return { ...result, submission: { ...result.submission, uniqueKeys } };
}

/** The request that would make the source's job today. */
function keptRequest(source: ReplaySource, type: SubmittableType): Omit<SubmitRequest, "type"> {
  const { input, metadata, webhook, maxAttempts, totalTimeoutMs, startTimeoutMs, queue = null } = source;
  const { limits } = type;
  const givenKey = type.derivesConcurrencyKey ? null : (queue?.key ?? null);
  return {
    ...(queue && !type.queue && { queue: queue.name }),
    ...(queue && queue.priority > 0 && { priority: queue.priority }),
    ...(givenKey !== null && { concurrency_key: givenKey }),
    input: JSON.parse(input),
    metadata,
    max_attempts: Math.min(maxAttempts, limits.maxAttempts),
    total_timeout_ms: Math.min(totalTimeoutMs, limits.totalTimeoutMs),
    ...(startTimeoutMs !== null && { start_timeout_ms: startTimeoutMs }),
    ...(webhook && { webhook: { url: webhook.url, events: [...webhook.events] as DeliverableEvent[] } }),
  };
}

/** `request` is what makes two requests with one key the same. */
type Origin = { replayedFrom: string | null; request: unknown };

async function readRequest(
  body: unknown,
  sender: Sender,
  { replayedFrom, request: asked }: Origin,
): Promise<SubmissionResult> {
  const request = SubmitRequestSchema.safeParse(body);
  const name = typeof body === "object" && body !== null && "type" in body ? body.type : undefined;
  if (typeof name !== "string") return invalid(request.success ? [] : toFieldErrors(request.error));
  const type = await sender.findType(name);
  if (!type) return { ok: false, reason: "unknown_job_type" };
  const rawInput = (body as { input?: unknown }).input;
  const input = await readInput(type, rawInput, sender);
  const { webhook, errors } = readWebhook(body, sender);
  const ownErrors = request.success ? limitErrors(request.data, type) : toFieldErrors(request.error);
  const { hasQueue, terms } = sender;
  const context = { type, derivedKey: input.concurrencyKey, weight: terms.weight, hasQueue };
  const queueing = request.success ? await readQueue(request.data, context) : { queue: null, errors: [] };
  const allErrors = [...ownErrors, ...queueing.errors, ...input.errors, ...errors];
  if (!request.success || allErrors.length > 0) return invalid(allErrors);
  const { data } = request;
  return {
    ok: true,
    onConflict: data.on_conflict ?? "use_existing",
    objectName: objectName(sender),
    token: data.token ?? null,
    submission: {
      ...(await identify(sender, asked)),
      ...schedule(data),
      type: type.type,
      input: JSON.stringify(rawInput),
      metadata: data.metadata ?? {},
      uniqueKeys: input.uniqueKeys,
      replayedFrom,
      webhook,
      policy: createPolicy(type, sender.env, terms, data),
      queue: queueing.queue,
      isRemote: type.worker !== null,
    },
  };
}

function invalid(errors: FieldError[]): SubmissionResult {
  return { ok: false, reason: "invalid_request", errors };
}

/** The same key reaches the same object, whose single thread is its lock. */
function objectName({ idempotencyKey: key }: Sender): string | null {
  return key === null ? null : `key/${key}`;
}

async function identify(sender: Sender, request: unknown) {
  const { tenant, idempotencyKey: key, requestId, traceparent, tracestate, keyId } = sender;
  const requestPrint = key === null ? null : await fingerprint(request);
  return { tenant, fingerprint: requestPrint, trace: { requestId, traceparent, tracestate, keyId } };
}

function schedule({ run_at, start_timeout_ms }: Pick<SubmitRequest, "run_at" | "start_timeout_ms">) {
  return {
    runAt: run_at === undefined ? null : toEpochMs(run_at),
    startTimeoutMs: start_timeout_ms ?? null,
  };
}

/** What an input lacks, or what follows from it. */
type ReadInput = { errors: FieldError[]; uniqueKeys: UniqueKey[]; concurrencyKey: string | null };

/** The errors of an input and, without errors, its keys. The request schema reports a missing input. */
async function readInput(type: SubmittableType, rawInput: unknown, sender: Sender): Promise<ReadInput> {
  const nothing = { errors: [], uniqueKeys: [], concurrencyKey: null };
  if (rawInput === undefined) return nothing;
  const input = type.readInput(rawInput, { targetRules: targetRules(sender.env, sender.ownHost) });
  if (input.ok) {
    const { uniqueKey, concurrencyKey } = input;
    return { errors: [], uniqueKeys: await toUniqueKeys(type, uniqueKey, rawInput), concurrencyKey };
  }
  const errors = input.errors.map(({ pointer, detail }) => ({
    pointer: `#/input${pointer.slice(1)}`,
    detail,
  }));
  return { ...nothing, errors };
}

async function toUniqueKeys(
  { dedupeWindowMs }: SubmittableType,
  uniqueKey: string | null,
  rawInput: unknown,
): Promise<UniqueKey[]> {
  const keys: UniqueKey[] = [];
  if (dedupeWindowMs !== null) {
    const name = `input_hash/${await fingerprint(rawInput)}`;
    keys.push({ rule: "input_hash", name, untilAt: now() + dedupeWindowMs });
  }
  if (uniqueKey !== null)
    keys.push({ rule: "unique_key", name: `unique_key/${await fingerprint(uniqueKey)}` });
  return keys;
}
