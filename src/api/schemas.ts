/** What the schemas of several resources share: ids, times, the envelope, and problems. */

import { z } from "zod";
import { problemKinds } from "./problems.ts";

export const timeSchema = z.iso
  .datetime()
  .meta({ description: "RFC 3339, UTC, milliseconds", example: "2026-11-22T12:00:00.000Z" });

export const nullable = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

export const JobIdSchema = z
  .string()
  .meta({ description: "Id of a job", example: "job_WUynhlTtRcLzJpURdEj0VWdWnt6Uo6mnwiDL7RSVZJpuuL2" });

export const FileIdSchema = z
  .string()
  .meta({ description: "Id of a file", example: "file_01h2xcejqtf2nbrexx3vqjhp41" });

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(problemKinds) as [string, ...string[]]),
    instance: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    job_status: z.string().optional(),
    job_id: JobIdSchema.optional(),
    reason: z
      .enum(["cancelled", "stale", "finished"])
      .optional()
      .meta({ description: "Why the run of an attempt token is over" }),
    queue: z.string().optional(),
    missing_parts: z.array(z.int()).optional(),
    limit: z.string().optional().meta({ description: "Which quota is used up" }),
    allowed: z.int().optional(),
    used: z.int().optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details" });

/** A success's envelope. */
export function envelope<Schema extends z.ZodType>(schema: Schema) {
  return z.object({ data: schema });
}

/** A page of a list. */
export function pageOf<Schema extends z.ZodType>(item: Schema) {
  return z.object({
    data: z.array(item),
    next_cursor: nullable(z.string()).meta({ description: "Where the list goes on; null at its end" }),
  });
}
