/** The shapes of browser tokens. */

import { z } from "zod";
import { PARTED_BYTES_MAX } from "../../files/parts.ts";
import { expiresInSchema } from "../../submission/request.ts";
import { jobPermissions } from "../../tenants/tokens.ts";
import { timeSchema } from "../schemas.ts";

export const JobTokenResponseSchema = z
  .object({
    token: z
      .string()
      .meta({ description: "Sent as `Authorization: Bearer`; for events also as access_token" }),
    allow: z.array(z.enum(jobPermissions)),
    expires_at: timeSchema,
    links: z.object({
      events: z.string().meta({ description: "For EventSource and WebSocket, which cannot send headers" }),
    }),
  })
  .meta({ id: "JobToken" });

export const UploadTokenRequestSchema = z
  .strictObject({
    max_size: z.int().min(0).max(PARTED_BYTES_MAX).meta({ description: "Bytes", example: 10_000_000 }),
    content_types: z
      .array(z.string().min(1).max(200))
      .min(1)
      .max(20)
      .optional()
      .meta({
        description: "Media types that may be uploaded, without parameters; default any",
        example: ["text/csv"],
      }),
    expires_in_ms: expiresInSchema,
  })
  .meta({ id: "UploadTokenRequest" });

export const UploadTokenResponseSchema = z
  .object({ token: z.string(), expires_at: timeSchema })
  .meta({ id: "UploadToken" });
