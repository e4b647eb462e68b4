/** The shapes of claims: how remote workers get their jobs. */

import { z } from "zod";
import { nullable, timeSchema } from "../schemas.ts";

const CLAIM_TYPES_MAX = 20;
const CLAIM_JOBS_MAX = 10;

export const ClaimRequestSchema = z
  .strictObject({
    types: z
      .array(z.string().min(1).max(64))
      .min(1)
      .max(CLAIM_TYPES_MAX)
      .meta({ description: "Declared types, in at most 5 queues", example: ["video.transcode"] }),
    max_jobs: z.int().min(1).max(CLAIM_JOBS_MAX).default(1).meta({ description: "Default 1" }),
    worker: z
      .strictObject({ name: z.string().min(1).max(100), version: z.string().min(1).max(100).optional() })
      .meta({ description: "Shown with the attempt", example: { name: "transcoder-1" } }),
  })
  .meta({ id: "ClaimRequest" });

const link = z.string();

export const ClaimedJobSchema = z
  .object({
    job: z.object({
      id: z.string(),
      type: z.string(),
      input: z.unknown(),
      metadata: z.record(z.string(), z.string()),
      checkpoint: z.unknown().meta({ description: "The last one that any run stored, or null" }),
      attempt: z.int(),
      continuation: z.int().meta({ description: "0 for the first run of the attempt" }),
      max_attempts: z.int(),
    }),
    attempt_token: z.string().meta({ description: "The credential for the links, and for files" }),
    lease_expires_at: timeSchema,
    report_within_ms: z.int(),
    attempt_expires_at: timeSchema,
    heartbeat_timeout_ms: nullable(z.int()),
    traceparent: z.string(),
    links: z.object({
      report: link,
      checkpoint: link,
      succeed: link,
      fail: link,
      continue: link,
      release: link,
      acknowledge: link,
    }),
  })
  .meta({ id: "ClaimedJob" });
