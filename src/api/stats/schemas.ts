/** The shapes of requests and answers over many jobs. */

import { z } from "zod";
import { BulkInputSchema } from "../../job-types/jobs-bulk.ts";
import { JobSchema, nullable, timeSchema } from "../schemas.ts";

/** `GET /v1/jobs`: newest first; a page may be short, or empty, and yet have a next one. */
export const JobPageSchema = z
  .object({
    data: z.array(JobSchema).meta({ description: "A result above 16 KiB is left out" }),
    next_cursor: nullable(z.string()).meta({ description: "Where the list goes on; null at its end" }),
  })
  .meta({ id: "JobPage" });

/** `POST /v1/bulk`: the input of a `jobs.bulk`, or only the question how many it would be. */
export const BulkRequestSchema = BulkInputSchema.extend({
  dry_run: z.boolean().optional().meta({ description: "Only counts the jobs" }),
}).meta({ id: "BulkRequest" });

export const BulkCountSchema = z.object({
  count: z.int().meta({ description: "Jobs the action would be taken on" }),
});

const percentilesSchema = z.object({
  p50: nullable(z.int()).meta({ description: "Median, to about 1 percent; null without values" }),
  p95: nullable(z.int()).meta({ description: "95th percentile, to about 1 percent" }),
});

export const HourStatsSchema = z
  .object({
    type: z.string(),
    hour: timeSchema.meta({ description: "The beginning of the hour" }),
    accepted: z.int().meta({ description: "Jobs made in this hour" }),
    succeeded: z
      .int()
      .meta({ description: "Jobs that ended so in this hour; likewise failed and cancelled" }),
    failed: z.int(),
    cancelled: z.int(),
    attempts: z.int().meta({ description: "Attempts of the jobs that ended in this hour" }),
    queue_time_ms: percentilesSchema.meta({ description: "From due until the first attempt began" }),
    run_time_ms: percentilesSchema.meta({
      description: "From the first attempt's beginning until the job ended",
    }),
  })
  .meta({ id: "HourTotals" });
