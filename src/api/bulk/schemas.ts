/** The shapes of a bulk request and its count. */

import { z } from "zod";
import { BulkInputSchema } from "../../job-types/jobs-bulk.ts";
import { timeSchema } from "../schemas.ts";

/** `POST /v1/bulk`: the input of a `jobs.bulk`, or only the question how many it would be. */
export const BulkRequestSchema = BulkInputSchema.extend({
  as_of: BulkInputSchema.shape.as_of.optional().meta({
    description:
      "Acts only on jobs that were accepted, and finished, by this time; default: the time of the request",
  }),
  dry_run: z.boolean().optional().meta({ description: "Only counts the jobs" }),
}).meta({ id: "BulkRequest" });

export const BulkCountSchema = z.object({
  count: z.int().meta({ description: "Jobs the action would be taken on" }),
  as_of: timeSchema.meta({ description: "When they were counted; send it to act on no others" }),
});
