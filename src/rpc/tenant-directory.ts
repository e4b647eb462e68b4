/** The calls of the tenant directory, one object that knows the names of all tenants. No tenant's request needs it. */

import type { Env } from "../env.ts";
import { objectsOf } from "./location.ts";

export type TenantDirectoryApi = {
  /** May be repeated. */
  add(tenant: string): Promise<void>;
  remove(tenant: string): Promise<void>;
  /** Up to `limit` names after this one, sorted. */
  page(after: string, limit: number): Promise<string[]>;
};

/** A fresh stub of the directory. */
export function tenantDirectory(env: Env): TenantDirectoryApi {
  return objectsOf(env, "TENANT_DIRECTORY").getByName("all") as unknown as TenantDirectoryApi;
}
