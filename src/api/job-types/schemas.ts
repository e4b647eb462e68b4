/** The shape of a job type. */

import { z } from "zod";
import { nullable } from "../schemas.ts";

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
