/** The shapes of uploads in parts. */

import { z } from "zod";
import { HOUR } from "../../core/time.ts";
import { PART_SIZE, PARTED_BYTES_MAX, UPLOAD_PARTS_MAX } from "../../files/parts.ts";
import { isMediaType } from "../files/upload.ts";
import { nullable, timeSchema } from "../schemas.ts";
import { RETENTION_MAX_MS } from "../tenants/schemas.ts";

export const UploadIdSchema = z
  .string()
  .meta({ description: "Id of an upload", example: "upload_01h2xcejqtf2nbrexx3vqjhp41" });

export const BeginUploadRequestSchema = z
  .strictObject({
    content_type: z
      .string()
      .refine(isMediaType, "This is not a media type, such as video/mp4.")
      .meta({ example: "video/mp4" }),
    size: z
      .int()
      .min(0)
      .max(PARTED_BYTES_MAX)
      .optional()
      .meta({ description: "Bytes; what is completed must then have this size" }),
    retention_ms: z.int().min(HOUR).max(RETENTION_MAX_MS).optional(),
  })
  .meta({ id: "BeginUploadRequest" });

export const CompleteUploadRequestSchema = z
  .strictObject({ part_count: z.int().min(1).max(UPLOAD_PARTS_MAX) })
  .meta({ id: "CompleteUploadRequest" });

export const UploadPartSchema = z
  .object({ number: z.int(), size: z.int(), sha256: z.string() })
  .meta({ id: "UploadPart" });

const uploadFields = {
  id: UploadIdSchema,
  content_type: z.string(),
  size: nullable(z.int()),
  part_size: z.int().meta({ description: `Bytes of every part but the last: ${PART_SIZE}` }),
  max_parts: z.int(),
  created_at: timeSchema,
  expires_at: timeSchema.meta({ description: "When an upload that is not completed is dropped" }),
};

export const OpenUploadSchema = z.object(uploadFields).meta({ id: "OpenUpload" });
export const UploadSchema = z
  .object({
    ...uploadFields,
    parts: z.array(UploadPartSchema).meta({ description: "The parts that are stored" }),
  })
  .meta({ id: "Upload" });
