/** The shape of a stored file. */

import { z } from "zod";
import { FileIdSchema, JobIdSchema, nullable, pageOf, timeSchema } from "../schemas.ts";

export const StoredFileSchema = z
  .object({
    id: FileIdSchema,
    size: z.int().meta({ description: "Bytes" }),
    content_type: z.string(),
    sha256: nullable(z.string()).meta({ description: "Hexadecimal; null for an upload in parts" }),
    job_id: nullable(JobIdSchema).meta({ description: "The job that produced it; null for an upload" }),
    created_at: timeSchema,
    purge_at: nullable(timeSchema).meta({
      description: "When an upload is purged; null for a job's file, which is purged with the job",
    }),
  })
  .meta({ id: "StoredFile" });

export const FilePageSchema = pageOf(StoredFileSchema).meta({ id: "FilePage" });
