/** The shapes of keys. */

import { z } from "zod";
import { DAY } from "../../core/time.ts";
import { rfc3339Schema } from "../../lib/rfc3339.ts";
import { tenantScopes } from "../../rpc/tenant.ts";
import { nullable, timeSchema } from "../schemas.ts";

export const OVERLAP_DEFAULT_MS = DAY;
export const OVERLAP_MAX_MS = 30 * DAY;

export const KeyIdSchema = z.string().meta({ description: "Id of a key", example: "key_3kQz9fVbT0aa" });

export const scopesSchema = z
  .array(z.enum(tenantScopes))
  .min(1)
  .refine((scopes) => new Set(scopes).size === scopes.length, "A scope must not be named twice.")
  .meta({ description: "What the key allows", uniqueItems: true, example: ["jobs:read", "jobs:write"] });

const expiresAtSchema = rfc3339Schema.optional().meta({
  description: "When it ends; without it, never",
  example: "2027-11-22T12:00:00Z",
});

export const overlapSchema = z.int().min(0).max(OVERLAP_MAX_MS).optional().meta({
  description: "For how long the old one is still valid; default a day",
  example: OVERLAP_DEFAULT_MS,
});

export const CreateKeyRequestSchema = z
  .strictObject({
    name: z.string().min(1).max(100).meta({ description: "For people", example: "shop server" }),
    scopes: scopesSchema,
    expires_at: expiresAtSchema,
  })
  .meta({ id: "CreateKeyRequest" });

export const RotateKeyRequestSchema = z
  .strictObject({ overlap_ms: overlapSchema, expires_at: expiresAtSchema })
  .meta({ id: "RotateKeyRequest" });

export const KeySchema = z
  .object({
    id: KeyIdSchema,
    name: z.string(),
    scopes: z.array(z.enum(tenantScopes)),
    created_at: timeSchema,
    expires_at: nullable(timeSchema),
    last_used_on: nullable(z.iso.date()).meta({ description: "The last day (UTC) on which it was used" }),
  })
  .meta({ id: "Key" });

export const CreatedKeySchema = KeySchema.extend({
  key: z.string().meta({ description: "The key, shown this once" }),
}).meta({ id: "CreatedKey" });
