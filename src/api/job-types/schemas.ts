/** The shape of a job type. */

import { z } from "zod";
import { nullable } from "../schemas.ts";

const textOrNull = nullable(z.string());

export const JobTypeSchema = z
  .object({
    type: z.string(),
    description: z.string(),
    input_schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema 2020-12 of the input" }),
    example: z.unknown().meta({ description: "An acceptable input" }),
    limits: z.object({
      max_attempts: z.int(),
      attempt_timeout_ms: z.int(),
      heartbeat_timeout_ms: nullable(z.int()),
      total_timeout_ms: z.int(),
      retention_ms: z.int(),
      lease_ms: z.int().optional().meta({ description: "Of remote types only" }),
    }),
    queue: textOrNull.meta({ description: "The queue that decides when its jobs start" }),
    concurrency_key: textOrNull.meta({ description: "A JSON pointer into the input" }),
    unique_key: nullable(z.array(z.string())).meta({ description: "JSON pointers into the input" }),
    dedupe_window_ms: nullable(z.int()),
    also_retry: z.array(z.string()).meta({ description: "Kinds it retries besides the temporary ones" }),
    result_file: textOrNull.meta({ description: "A JSON pointer into the result" }),
    worker: nullable(
      z.object({ mode: z.literal("pull"), wake: nullable(z.object({ url: z.string() })) }),
    ).meta({ description: "Null for code that runs in the service itself" }),
    built_in: z.boolean(),
    version: z.int(),
  })
  .meta({ id: "JobType" });
