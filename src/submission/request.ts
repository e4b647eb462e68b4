/** The body of `POST /v1/jobs`. The job type's own schema checks `input`. */

import { z } from "zod";
import { deliverableEvents } from "../core/deliveries.ts";
import { DAY, HOUR, MINUTE } from "../core/time.ts";
import { rfc3339Schema } from "../lib/rfc3339.ts";
import { TARGET_CHARS_MAX } from "../lib/target.ts";
import { jobPermissions } from "../tenants/tokens.ts";

/** Names of types and queues. */
export const nameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_.-]{0,63}$/, "1 to 64 of a-z, 0-9, _ - . and a letter first.");

export const RUN_AHEAD_MAX_MS = 365 * DAY;

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
      .meta({ description: "Default: the three terminal events", uniqueItems: true }),
  })
  .meta({ id: "Webhook" });

/** A browser token lasts so long unless it is asked for otherwise. */
export const TOKEN_LIFE_DEFAULT_MS = HOUR;

export const expiresInSchema = z
  .int()
  .min(1)
  .max(DAY)
  .optional()
  .meta({
    description: "How long it is valid; default an hour",
    example: 15 * MINUTE,
  });

export const JobTokenRequestSchema = z
  .strictObject({
    allow: z
      .array(z.enum(jobPermissions))
      .min(1)
      .refine((allow) => new Set(allow).size === allow.length, "An action must not be named twice.")
      .meta({ description: "What it allows on this job", uniqueItems: true, example: ["read", "events"] }),
    expires_in_ms: expiresInSchema,
  })
  .meta({ id: "JobTokenRequest" });

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
    run_at: rfc3339Schema
      .optional()
      .meta({ description: "When to begin, at most 365 days ahead; a past time means now" }),
    start_timeout_ms: z
      .int()
      .min(1)
      .max(RUN_AHEAD_MAX_MS)
      .optional()
      .meta({ description: "The job is cancelled if no attempt began this long after it was due" }),
    max_attempts: z.int().min(1).max(25).optional().meta({ description: "1 to the type's maximum" }),
    total_timeout_ms: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "From due to finished, up to the type's limit" }),
    on_conflict: z.enum(["use_existing", "reject"]).optional().meta({
      description: "If another job already does this work: answer with that job (default), or 409",
    }),
    token: JobTokenRequestSchema.optional().meta({
      description: "Also makes a token with which a web page may follow the job",
    }),
    queue: nameSchema.optional().meta({ description: "A queue of the tenant, if the type has none" }),
    priority: z
      .int()
      .min(0)
      .max(86_400)
      .optional()
      .meta({ description: "A head start in the queue, in seconds; default 0" }),
    concurrency_key: z.string().min(1).max(200).optional().meta({
      description: "What the limits per key of the queue count by, such as a customer",
    }),
    webhook: WebhookRequestSchema.optional().meta({
      description: "Where the job's events are delivered, signed by Standard Webhooks 1.0",
    }),
  })
  .meta({ id: "SubmitRequest" });

/** `POST …/replay`: what it names replaces what the job had. */
export const ReplayRequestSchema = SubmitRequestSchema.omit({ type: true })
  .partial()
  .meta({ id: "ReplayRequest" });

export type JobTokenRequest = z.infer<typeof JobTokenRequestSchema>;
export type SubmitRequest = z.infer<typeof SubmitRequestSchema>;
