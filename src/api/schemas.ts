/** The shapes of requests and answers: what the routes check and what the OpenAPI document shows. */

import { z } from "zod";
import { deliverableEvents } from "../core/deliveries.ts";
import { failureKinds } from "../core/job.ts";
import { TARGET_CHARS_MAX } from "../lib/target.ts";
import { jobExample } from "./jobs/example.ts";
import { problemKinds } from "./problems.ts";

const SCHEMA_DAY_MS = 24 * 60 * 60_000;
export const RUN_AHEAD_MAX_MS = 365 * SCHEMA_DAY_MS;

export const timeSchema = z.iso
  .datetime()
  .meta({ description: "RFC 3339, UTC, milliseconds", example: "2026-11-22T12:00:00.000Z" });
export const nullable = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

export const JobIdSchema = z
  .string()
  .meta({ description: "Id of a job", example: "job_01h2xcejqtf2nbrexx3vqjhp41" });
export const FileIdSchema = z
  .string()
  .meta({ description: "Id of a file", example: "file_01h2xcejqtf2nbrexx3vqjhp41" });

export const MetadataSchema = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((pairs) => Object.keys(pairs).length <= 16, "At most 16 pairs.");

export const WebhookRequestSchema = z
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
export const SubmitRequestSchema = z
  .strictObject({
    type: z.string().meta({ description: "One of /v1/job-types", example: "test.simulate" }),
    input: z
      .unknown()
      .meta({ description: "As the job type's own schema asks", example: { duration_ms: 1000 } }),
    metadata: MetadataSchema.optional().meta({
      description: "Up to 16 pairs of your own, returned with the job",
    }),
    run_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: "When to begin, at most 365 days ahead; a past time means now" }),
    start_timeout_ms: z
      .int()
      .min(1)
      .max(RUN_AHEAD_MAX_MS)
      .optional()
      .meta({ description: "The job is cancelled as expired if no attempt began so long after it was due" }),
    max_attempts: z.int().min(1).max(25).optional().meta({ description: "1 to the type's maximum" }),
    total_timeout_ms: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "From due to finished, up to the type's limit" }),
    on_conflict: z
      .enum(["use_existing", "reject"])
      .optional()
      .meta({ description: "When another job holds the place: answer that job (default), or 409" }),
    webhook: WebhookRequestSchema.optional().meta({
      description: "Where the job's events are delivered, signed by Standard Webhooks 1.0",
    }),
  })
  .meta({ id: "SubmitRequest" });

export type SubmitRequestSchema = z.infer<typeof SubmitRequestSchema>;

export const CancelRequestSchema = z
  .strictObject({
    reason: z.string().max(200).optional().meta({ description: "Why, for whoever reads the job later" }),
  })
  .meta({ id: "CancelRequest" });

/** `POST …/replay` takes no fields. */
export const ReplayRequestSchema = z.strictObject({}).meta({ id: "ReplayRequest" });

/** `POST …/redeliver` takes none either. */
export const RedeliverRequestSchema = z.strictObject({}).meta({ id: "RedeliverRequest" });

const PublicErrorSchema = z.object({
  kind: z.enum(failureKinds),
  code: z.string().meta({ description: "Stable, for programs" }),
  message: z.string().meta({ description: "One sentence, for people" }),
});
const JobErrorSchema = PublicErrorSchema.extend({
  reference: z.string().meta({ description: "Tell this to support" }),
});

const ProgressSchema = z.object({
  current: nullable(z.number()),
  total: nullable(z.number()),
  unit: nullable(z.string()),
  percent: nullable(z.int().min(0).max(100)).meta({
    description: "Rounded down; only when the total is known",
  }),
  stage: nullable(z.string()),
  message: nullable(z.string()),
});

const attemptStatusSchema = z.enum(["running", "succeeded", "failed", "timed_out", "lost", "cancelled"]);

const AttemptSchema = z.object({
  number: z.int(),
  status: attemptStatusSchema,
  started_at: timeSchema,
  finished_at: nullable(timeSchema),
  error: PublicErrorSchema.optional(),
});

export const JobSchema = z
  .object({
    id: JobIdSchema,
    type: z.string(),
    status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    status_reason: nullable(
      z.enum([
        "waiting_for_worker",
        "scheduled",
        "executing",
        "waiting_to_retry",
        "continuing",
        "permanent_failure",
        "attempts_exhausted",
        "total_timeout",
        "requested",
        "start_timeout",
      ]),
    ),
    created_at: timeSchema,
    updated_at: timeSchema,
    started_at: nullable(timeSchema),
    finished_at: nullable(timeSchema),
    purge_at: nullable(timeSchema).meta({ description: "When a finished job will be purged" }),
    attempt: z.int().meta({ description: "Attempts begun" }),
    max_attempts: z.int(),
    next_attempt_at: nullable(timeSchema),
    progress: nullable(ProgressSchema.extend({ updated_at: timeSchema })),
    attempts: z.array(AttemptSchema),
    metadata: z.record(z.string(), z.string()),
    replayed_from: JobIdSchema.optional(),
    result: z.unknown().optional().meta({ description: "Only when succeeded" }),
    error: JobErrorSchema.optional().meta({ description: "Only when failed" }),
    cancellation: z
      .object({
        requested_at: timeSchema,
        reason: nullable(z.string()),
        by: z.enum(["client", "system"]),
        acknowledged_at: nullable(timeSchema).meta({
          description: "When the running code had really stopped",
        }),
      })
      .optional()
      .meta({ description: "Only when cancelled" }),
    version: z.int().meta({ description: "Grows by one with every visible change; the ETag" }),
    links: z.object({ self: z.string(), cancel: z.string(), events: z.string(), result: z.string() }),
  })
  .meta({ id: "Job", example: jobExample });

/** What a submission is answered with. */
export const SubmittedSchema = envelope(JobSchema).extend({
  deduplicated: z
    .enum(["idempotency_key", "unique_key", "input_hash"])
    .optional()
    .meta({ description: "Why the job of an earlier submission is the answer; absent when a job was made" }),
});

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

export const JobEventSchema = z
  .object({
    seq: z.int().meta({ description: "Counts from 1 without a gap" }),
    type: z.enum(eventTypes),
    time: timeSchema,
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "JobEvent" });

export const DeliveryIdSchema = z.string().meta({
  description: "Id of a delivery: the webhook-id of its message",
  example: "msg_01h2xcejqtf2nbrexx3vqjhp41_7",
});

export const DeliverySchema = z
  .object({
    id: DeliveryIdSchema,
    event: z.enum(deliverableEvents),
    status: z.enum(["pending", "succeeded", "failed"]),
    next_attempt_at: nullable(timeSchema).meta({
      description: "When the next try is due; null when none is",
    }),
    attempts: z
      .array(
        z.object({
          started_at: timeSchema,
          status: nullable(z.int()).meta({ description: "The receiver's HTTP status; null if it gave none" }),
          error: nullable(z.enum(["timeout", "unreachable", "refused_target"])).meta({
            description: "Why there is no status",
          }),
          duration_ms: z.int(),
        }),
      )
      .meta({ description: "The last 20, oldest first" }),
  })
  .meta({ id: "Delivery" });

export const WebhookSecretSchema = z
  .object({
    secret: z.string().meta({
      description: "What Standard Webhooks libraries verify with",
      example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    }),
  })
  .meta({ id: "WebhookSecret" });

export const JobTypeSchema = z
  .object({
    type: z.string(),
    description: z.string(),
    input_schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema 2020-12 of the input" }),
    limits: z.object({
      max_attempts: z.int(),
      attempt_timeout_ms: z.int(),
      heartbeat_timeout_ms: nullable(z.int()),
      total_timeout_ms: z.int(),
      retention_ms: z.int(),
    }),
    example: z.unknown().meta({ description: "An acceptable input" }),
  })
  .meta({ id: "JobType" });

export const StoredFileSchema = z
  .object({
    id: FileIdSchema,
    size: z.int().meta({ description: "Bytes" }),
    content_type: z.string(),
    sha256: z.string().meta({ description: "Hexadecimal" }),
    created_at: timeSchema,
  })
  .meta({ id: "File" });

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(problemKinds) as [string, ...string[]]),
    instance: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    job_status: z.string().optional(),
    job_id: JobIdSchema.optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details" });

/** A success's envelope. */
export function envelope<Schema extends z.ZodType>(schema: Schema) {
  return z.object({ data: schema });
}
