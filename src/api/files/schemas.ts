/** The shape of a stored file. */

import { z } from "zod";
import { FileIdSchema, timeSchema } from "../schemas.ts";

export const StoredFileSchema = z
  .object({
    id: FileIdSchema,
    size: z.int().meta({ description: "Bytes" }),
    content_type: z.string(),
    sha256: z.string().meta({ description: "Hexadecimal" }),
    created_at: timeSchema,
  })
  .meta({ id: "File" });
