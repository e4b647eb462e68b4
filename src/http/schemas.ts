/** The shapes of requests and answers: what the routes check and what the OpenAPI document shows. */

import { z } from "zod";
import { deliverableEvents } from "../core/delivery.ts";
import { failureKinds } from "../core/job.ts";
import { TARGET_CHARS_MAX } from "../lib/target.ts";
import { jobExample } from "./examples.ts";
import { problemKinds } from "./problems.ts";

const DAY_MS = 24 * 60 * 60_000;
export const RUN_AHEAD_MAX_MS = 365 * DAY_MS;

export const time = z.iso
  .datetime()
  .meta({ description: "RFC 3339, UTC, milliseconds", example: "2026-11-22T12:00:00.000Z" });
export const orNull = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

export const JobId = z
  .string()
  .meta({ description: "Id of a job", example: "job_01h2xcejqtf2nbrexx3vqjhp41" });
export const FileId = z
  .string()
  .meta({ description: "Id of a file", example: "file_01h2xcejqtf2nbrexx3vqjhp41" });

export const Metadata = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((pairs) => Object.keys(pairs).length <= 16, "At most 16 pairs.");

export const WebhookRequest = z
  .strictObject({
    url: z.string().meta({
      description: "A public https URL on port 443; more of it is checked than a schema can say",
      maxLength: TARGET_CHARS_MAX,
      example: "https://example.com/webhooks",
    }),
    events: z
      .array(z.enum(deliverableEvents))
      .min(1)
      .refine((events) => new Set(events).size === events.length, "An event must not be named twice.")
      .optional()
      .meta({ description: "Default: the three final ones", uniqueItems: true }),
  })
  .meta({ id: "Webhook" });

/** `POST /v1/jobs`; `input` is checked by the type's own schema. */
export const SubmitRequest = z
  .strictObject({
    type: z.string().meta({ description: "One of /v1/job-types", example: "rehearsal" }),
    input: z
      .unknown()
      .meta({ description: "As the job type's own schema asks", example: { duration_ms: 1000 } }),
    metadata: Metadata.optional().meta({ description: "Up to 16 pairs of your own, returned with the job" }),
    run_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: "When to begin, at most 365 days ahead; a past time means now" }),
    start_within_ms: z
      .int()
      .min(1)
      .max(RUN_AHEAD_MAX_MS)
      .optional()
      .meta({ description: "The job is cancelled as expired if no attempt began so long after it was due" }),
    max_attempts: z.int().min(1).max(25).optional().meta({ description: "1 to the type's maximum" }),
    time_limit_ms: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "From due to finished, up to the type's limit" }),
    on_conflict: z
      .enum(["return", "reject"])
      .optional()
      .meta({ description: "When another job holds the place: answer that job (default), or 409" }),
    webhook: WebhookRequest.optional().meta({
      description: "Where the job's events are delivered, signed by Standard Webhooks 1.0",
    }),
  })
  .meta({ id: "SubmitRequest" });

export type SubmitRequest = z.infer<typeof SubmitRequest>;

export const CancelRequest = z
  .strictObject({
    reason: z.string().max(200).optional().meta({ description: "Why, for whoever reads the job later" }),
  })
  .meta({ id: "CancelRequest" });

/** `POST …/replay` takes no fields. */
export const ReplayRequest = z.strictObject({}).meta({ id: "ReplayRequest" });

/** `POST …/redeliver` takes none either. */
export const RedeliverRequest = z.strictObject({}).meta({ id: "RedeliverRequest" });

const PublicError = z.object({
  kind: z.enum(failureKinds),
  code: z.string().meta({ description: "Stable, for programs" }),
  message: z.string().meta({ description: "One sentence, for people" }),
});
const JobError = PublicError.extend({ reference: z.string().meta({ description: "Tell this to support" }) });

const Progress = z.object({
  current: orNull(z.number()),
  total: orNull(z.number()),
  unit: orNull(z.string()),
  percent: orNull(z.int().min(0).max(100)).meta({
    description: "Rounded down; only when the total is known",
  }),
  stage: orNull(z.string()),
  message: orNull(z.string()),
});

const attemptStatus = z.enum(["running", "succeeded", "failed", "timed_out", "lost", "cancelled"]);

const Attempt = z.object({
  number: z.int(),
  status: attemptStatus,
  started_at: time,
  finished_at: orNull(time),
  error: PublicError.optional(),
});

export const Job = z
  .object({
    id: JobId,
    type: z.string(),
    status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    status_reason: orNull(
      z.enum([
        "waiting_for_worker",
        "scheduled",
        "executing",
        "waiting_to_retry",
        "continuing",
        "permanent_failure",
        "attempts_exhausted",
        "time_limit_exceeded",
        "requested",
        "expired",
      ]),
    ),
    created_at: time,
    updated_at: time,
    started_at: orNull(time),
    finished_at: orNull(time),
    expires_at: orNull(time).meta({ description: "When a finished job will be purged" }),
    attempt: z.int().meta({ description: "Attempts begun" }),
    max_attempts: z.int(),
    next_attempt_at: orNull(time),
    progress: orNull(Progress.extend({ updated_at: time })),
    attempts: z.array(Attempt),
    metadata: z.record(z.string(), z.string()),
    replayed_from: JobId.optional(),
    result: z.unknown().optional().meta({ description: "Only when succeeded" }),
    error: JobError.optional().meta({ description: "Only when failed" }),
    cancellation: z
      .object({
        requested_at: time,
        reason: orNull(z.string()),
        by: z.enum(["client", "system"]),
        acknowledged_at: orNull(time).meta({ description: "When the running code had really stopped" }),
      })
      .optional()
      .meta({ description: "Only when cancelled" }),
    version: z.int().meta({ description: "Grows by one with every visible change; the ETag" }),
    links: z.object({ self: z.string(), cancel: z.string(), events: z.string(), result: z.string() }),
  })
  .meta({ id: "Job", example: jobExample });

const eventTypes = [
  "job.queued",
  "job.started",
  "job.progress",
  "job.log",
  "job.attempt_failed",
  "job.continued",
  "job.succeeded",
  "job.failed",
  "job.cancelled",
] as const;

export const JobEvent = z
  .object({
    seq: z.int().meta({ description: "Counts from 1 without a gap" }),
    type: z.enum(eventTypes),
    time,
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "JobEvent" });

export const DeliveryId = z.string().meta({
  description: "Id of a delivery: the webhook-id of its message",
  example: "msg_01h2xcejqtf2nbrexx3vqjhp41_7",
});

export const Delivery = z
  .object({
    id: DeliveryId,
    event: z.enum(deliverableEvents),
    status: z.enum(["pending", "succeeded", "failed"]),
    next_attempt_at: orNull(time).meta({ description: "When the next try is due; null when none is" }),
    tries: z
      .array(
        z.object({
          time,
          status: orNull(z.int()).meta({ description: "The receiver's HTTP status; null if it gave none" }),
          error: orNull(z.enum(["timeout", "unreachable", "refused_target"])).meta({
            description: "Why there is no status",
          }),
          duration_ms: z.int(),
        }),
      )
      .meta({ description: "The last 20, oldest first" }),
  })
  .meta({ id: "Delivery" });

export const WebhookSecret = z
  .object({
    secret: z.string().meta({
      description: "What Standard Webhooks libraries verify with",
      example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    }),
  })
  .meta({ id: "WebhookSecret" });

export const JobTypeView = z
  .object({
    type: z.string(),
    description: z.string(),
    input_schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema 2020-12 of the input" }),
    limits: z.object({
      max_attempts: z.int(),
      attempt_limit_ms: z.int(),
      silence_limit_ms: orNull(z.int()),
      time_limit_ms: z.int(),
      retention_ms: z.int(),
    }),
    example: z.unknown().meta({ description: "An acceptable input" }),
  })
  .meta({ id: "JobType" });

export const StoredFile = z
  .object({
    id: FileId,
    size: z.int().meta({ description: "Bytes" }),
    content_type: z.string(),
    sha256: z.string().meta({ description: "Hexadecimal" }),
    created_at: time,
  })
  .meta({ id: "File" });

export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(problemKinds) as [string, ...string[]]),
    instance: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    job_status: z.string().optional(),
    job_id: JobId.optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details" });

/** A success's envelope. */
export function dataOf<Schema extends z.ZodType>(schema: Schema) {
  return z.object({ data: schema });
}
