/** The shapes of tenants. */

import { z } from "zod";
import { DAY, HOUR } from "../../core/time.ts";
import { ADMIN, TENANT_NAME } from "../../lib/key.ts";
import { defaultLimits, type LimitName } from "../../rpc/tenant.ts";
import { nullable, timeSchema } from "../schemas.ts";

/** The longest that anything finished or uploaded may be kept. */
export const RETENTION_MAX_MS = 400 * DAY;

export const TenantNameSchema = z
  .string()
  .regex(TENANT_NAME, "1 to 40 of a-z, 0-9 and -, not beginning with -.")
  .refine((name) => name !== ADMIN, "This name is reserved.")
  .meta({ description: "Name of a tenant: 1 to 40 of a-z, 0-9 and -; not admin" });

const limitNames = Object.keys(defaultLimits) as [LimitName, ...LimitName[]];

/** An object with a member for each limit. */
export function perLimit<Schema extends z.ZodType>(schema: Schema): Record<LimitName, Schema> {
  return Object.fromEntries(limitNames.map((name) => [name, schema])) as Record<LimitName, Schema>;
}

const limitsSchema = z.strictObject(perLimit(z.int().min(0).max(Number.MAX_SAFE_INTEGER)));
const indexSchema = z.object({ period: z.enum(["month", "day", "hour"]), shards: z.int().min(1).max(16) });
const retentionSchema = z.int().min(HOUR).max(RETENTION_MAX_MS);

export const PutTenantRequestSchema = z
  .strictObject({
    name: z.string().min(1).max(100).optional().meta({ description: "For people", example: "Acme Inc." }),
    weight: z.int().min(1).max(100).optional(),
    disabled: z
      .boolean()
      .optional()
      .meta({ description: "Its keys are answered 403; its running jobs go on" }),
    limits: limitsSchema.partial().optional(),
    retention_ms: retentionSchema
      .optional()
      .meta({ description: "Replaces the retention of every job type" }),
    file_retention_ms: retentionSchema.optional(),
    index: z.strictObject(indexSchema.shape).optional().meta({
      description: "How the list of its jobs is stored, from now on; it never changes what a list returns",
    }),
  })
  .meta({ id: "PutTenantRequest" });

export const TenantSchema = z
  .object({
    id: z.string(),
    name: nullable(z.string()),
    status: z.enum(["active", "disabled", "erasing"]),
    weight: z.int(),
    disabled: z.boolean(),
    limits: z.object(perLimit(z.int())),
    retention_ms: nullable(z.int()),
    file_retention_ms: z.int(),
    index: indexSchema,
    created_at: timeSchema,
    version: z.int(),
  })
  .meta({ id: "Tenant" });
