/** The tenant directory: the names of all tenants, for operators' lists. */

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../../env.ts";
import type { TenantDirectoryApi } from "../../rpc/tenant-directory.ts";

export class TenantDirectoryObject extends DurableObject<Env> implements TenantDirectoryApi {
  async add(tenant: string): Promise<void> {
    this.ctx.storage.kv.put(tenant, true);
  }

  async remove(tenant: string): Promise<void> {
    this.ctx.storage.kv.delete(tenant);
  }

  async page(after: string, limit: number): Promise<string[]> {
    const found = this.ctx.storage.kv.list({ ...(after !== "" && { startAfter: after }), limit });
    return Array.from(found, ([tenant]) => tenant);
  }
}
