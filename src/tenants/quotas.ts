/** Whether a tenant has room for more, by the isolate's copy of what it uses, which is some seconds old. */

import type { Env } from "../env.ts";
import type { UsedUp } from "../rpc/job.ts";
import type { LimitName, Tenant, TenantLimits } from "../rpc/tenant.ts";
import { lookUp } from "./look-up.ts";

/** The quota that leaves no room for another job; null if there is room. */
export function jobQuotaUsedUp(tenant: Tenant | null, used: TenantLimits | null): UsedUp | null {
  const found = (["unfinished_jobs", "stored_jobs"] as const).find((limit) =>
    isUsedUp(tenant, used, limit, 1),
  );
  return found && tenant && used
    ? { limit: found, allowed: tenant.settings.limits[found], used: used[found] }
    : null;
}

/** Whether `more` exceeds a limit of the tenant. */
export function isUsedUp(
  tenant: Tenant | null,
  used: TenantLimits | null,
  limit: LimitName,
  more: number,
): boolean {
  return tenant !== null && used !== null && used[limit] + more > tenant.settings.limits[limit];
}

/** Whether the tenant may store more, and begin so many datasets. */
export async function hasStorage(env: Env, tenantId: string, newDatasets = 0): Promise<boolean> {
  const { tenant, used } = await lookUp(env, tenantId, null);
  const isFull = isUsedUp(tenant, used, "stored_bytes", 1);
  return !isFull && !(newDatasets > 0 && isUsedUp(tenant, used, "datasets", newDatasets));
}
