/** The shapes of datasets. */

import { z } from "zod";
import { JobIdSchema, pageOf, timeSchema } from "../schemas.ts";

export const DATASET_CHARS_MAX = 64;

export const DatasetSchema = z
  .object({
    name: z.string().meta({ example: "orders" }),
    columns: z.array(z.string()),
    row_count: z.int(),
    size: z.int().meta({ description: "Bytes, as they count for the quota" }),
    created_at: timeSchema,
    updated_at: timeSchema,
    updated_by: JobIdSchema,
  })
  .meta({ id: "Dataset" });

export const DatasetPageSchema = pageOf(DatasetSchema).meta({ id: "DatasetPage" });
