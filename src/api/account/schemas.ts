/** The shapes of what a caller may know of itself. */

import { z } from "zod";
import { tenantScopes } from "../../rpc/tenant.ts";
import { KeyIdSchema } from "../keys/schemas.ts";
import { nullable, timeSchema } from "../schemas.ts";
import { perLimit } from "../tenants/schemas.ts";

export const MeSchema = z
  .object({
    tenant: nullable(z.string()).meta({ description: "null for a root key" }),
    key: z.object({ id: KeyIdSchema, name: nullable(z.string()), expires_at: nullable(timeSchema) }),
    scopes: z.array(z.enum([...tenantScopes, "admin"])),
  })
  .meta({ id: "Me" });

export const UsageSchema = z
  .object(perLimit(z.object({ used: z.int(), allowed: z.int() })))
  .meta({ id: "Usage", description: "Counts may be some seconds old" });
