/** The shape of an event. */

import { z } from "zod";
import { timeSchema } from "../schemas.ts";

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
