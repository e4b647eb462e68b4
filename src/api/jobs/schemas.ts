/** The shapes of jobs, and of the requests about them. */

import { z } from "zod";
import { failureKinds } from "../../core/job.ts";
import { envelope, JobIdSchema, nullable, timeSchema } from "../schemas.ts";
import { JobTokenResponseSchema } from "../tokens/schemas.ts";
import { jobExample } from "./example.ts";

export const CancelRequestSchema = z
  .strictObject({
    reason: z.string().max(200).optional().meta({ description: "Shown with the job" }),
  })
  .meta({ id: "CancelRequest" });

const PublicErrorSchema = z.object({
  kind: z.enum(failureKinds),
  code: z.string().meta({ description: "Stable, for programs" }),
  message: z.string().meta({ description: "One sentence, for people" }),
  reference: z.string().meta({ description: "For support" }),
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

export const RemoteWorkerSchema = z.object({ name: z.string(), version: nullable(z.string()) });

const AttemptSchema = z.object({
  number: z.int(),
  status: attemptStatusSchema,
  worker: nullable(RemoteWorkerSchema).meta({ description: "The remote worker; null in the Worker" }),
  started_at: timeSchema,
  finished_at: nullable(timeSchema),
  error: PublicErrorSchema.optional(),
});

export const CompactJobSchema = z
  .object({
    id: JobIdSchema,
    type: z.string(),
    status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    status_reason: nullable(
      z.enum([
        "scheduled",
        "waiting_in_queue",
        "waiting_for_worker",
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
    queue: nullable(z.string()).meta({ description: "The queue that decides when it starts" }),
    priority: z.int().meta({ description: "Its head start in the queue, in seconds" }),
    concurrency_key: nullable(z.string()),
    replayed_from: JobIdSchema.optional(),
    result: z.unknown().optional().meta({ description: "Only when succeeded" }),
    error: PublicErrorSchema.optional().meta({ description: "Only when failed" }),
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
    version: z.int().meta({
      description:
        "Grows by one with every stored visible change; the ETag is it, or begins with it while newer progress is in memory",
    }),
    links: z.object({ self: z.string(), cancel: z.string(), events: z.string(), result: z.string() }),
  })
  .meta({ id: "CompactJob" });

export const queueLimitNames = [
  "concurrency",
  "concurrency_per_key",
  "concurrency_per_tenant",
  "starts",
  "starts_per_key",
  "backlog",
  "backlog_per_tenant",
] as const;

const WaitingSchema = z.object({
  reason: z.enum(["concurrency", "rate", "paused", "no_worker"]),
  limit: nullable(z.enum(queueLimitNames)).meta({ description: "Which limit keeps it from starting" }),
  position: z.int().meta({ description: "Among the waiting jobs of the tenant, from 1" }),
  entered_at: timeSchema,
});

export const JobSchema = CompactJobSchema.extend({
  input: z.unknown().optional().meta({ description: "As submitted, up to 16 KiB of JSON" }),
  input_url: z.string().optional().meta({ description: "In place of a larger input" }),
  webhook: nullable(z.object({ url: z.string(), events: z.array(z.string()) })).optional(),
  limits: z
    .object({
      start_timeout_ms: nullable(z.int()),
      attempt_timeout_ms: z.int(),
      heartbeat_timeout_ms: nullable(z.int()),
      total_timeout_ms: z.int(),
      retention_ms: z.int(),
    })
    .optional()
    .meta({ description: "The limits it was accepted with" }),
  waiting: nullable(WaitingSchema).optional().meta({ description: "Why it waits in its queue" }),
}).meta({
  id: "Job",
  description: "A browser token gets it without input, webhook, limits and waiting",
  example: jobExample,
});

/** What a submission is answered with. */
export const SubmittedSchema = envelope(JobSchema).extend({
  deduplicated: z
    .enum(["idempotency_key", "unique_key", "input_hash"])
    .optional()
    .meta({ description: "Why the job of an earlier submission is the answer; absent when a job was made" }),
  token: JobTokenResponseSchema.optional().meta({ description: "Present only if one was asked for" }),
});

/** `GET /v1/jobs`: newest first; a page may be short, or empty, and yet have a next one. */
export const JobPageSchema = z
  .object({
    data: z.array(CompactJobSchema).meta({ description: "A result above 16 KiB is left out" }),
    next_cursor: nullable(z.string()).meta({ description: "Where the list goes on; null at its end" }),
  })
  .meta({ id: "JobPage" });
