/** The shape of the statistics of an hour. */

import { z } from "zod";
import { nullable, timeSchema } from "../schemas.ts";

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

export type HourStatsJson = z.infer<typeof HourStatsSchema>;
