/** What a remote worker says of its run. */

import { z } from "zod";
import { failureKinds } from "../../core/job.ts";
import { DAY } from "../../core/time.ts";
import { nullable, timeSchema } from "../schemas.ts";

const LINES_PER_REPORT_MAX = 100;
const TEXT_CHARS_MAX = 500;
const CHECKPOINT_SENT_MAX = 64 * 1024;

/** `worker_lost` is what only the service finds out. */
const reportedKinds = failureKinds.filter((kind) => kind !== "worker_lost");

const count = z.number().min(0).nullable().default(null);
const shortText = z.string().max(TEXT_CHARS_MAX).nullable().default(null);
const progressSchema = z.strictObject({
  current: count,
  total: count,
  unit: shortText,
  stage: shortText,
  message: shortText,
});

const lineSchema = z.strictObject({
  number: z
    .int()
    .min(1)
    .meta({ description: "Counts the lines of a run from 1, so that none is stored twice" }),
  level: z.enum(["debug", "info", "warn", "error"]),
  message: z.string(),
});

const reported = {
  progress: progressSchema.optional(),
  logs: z.array(lineSchema).max(LINES_PER_REPORT_MAX).optional(),
};

const checkpointSchema = z
  .json()
  .refine(
    (value) => new TextEncoder().encode(JSON.stringify(value)).length <= CHECKPOINT_SENT_MAX,
    "At most 64 KiB of JSON.",
  )
  .meta({ description: "Where to go on: JSON of at most 64 KiB" });

export const ReportRequestSchema = z
  .strictObject({
    ...reported,
    heartbeat: z
      .boolean()
      .optional()
      .meta({ description: "false renews the lease, and says nothing of the work" }),
  })
  .meta({ id: "ReportRequest" });

export const CheckpointRequestSchema = z
  .strictObject({ checkpoint: checkpointSchema })
  .meta({ id: "CheckpointRequest" });

export const SucceedRequestSchema = z
  .strictObject({ result: z.json().optional(), ...reported })
  .meta({ id: "SucceedRequest" });

export const FailRequestSchema = z
  .strictObject({
    error: z.strictObject({
      kind: z.enum(reportedKinds),
      code: z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,63}$/, "snake_case, at most 64 characters.")
        .optional(),
      message: z.string().min(1).max(1_000).optional().meta({ description: "One sentence for clients" }),
      retry_after_ms: z.int().min(0).max(DAY).optional(),
      internal: z.string().max(4_096).optional().meta({ description: "For the operator's log only" }),
    }),
    ...reported,
  })
  .meta({ id: "FailRequest" });

export const ContinueRequestSchema = z
  .strictObject({
    checkpoint: checkpointSchema,
    delay_ms: z.int().min(0).max(DAY).optional(),
    ...reported,
  })
  .meta({ id: "ContinueRequest" });

export const LeaseSchema = z
  .object({ lease_expires_at: timeSchema, report_within_ms: z.int() })
  .meta({ id: "Lease" });

export const EndedRunSchema = z
  .object({
    job_status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    next_attempt_at: nullable(timeSchema),
  })
  .meta({ id: "EndedRun" });
