/** A tenant and its keys, as this isolate knows them. */

import type { Env } from "../env.ts";
import { now } from "../lib/runtime.ts";
import { type LookUp, type Tenant, tenantApi } from "../rpc/tenant.ts";
import { trustedAnswers } from "./trusted.ts";

const trusted = trustedAnswers<LookUp>();

/** The tenant with one of its keys. Rejects if its object cannot be asked: what was known before may be outdated. */
export async function lookUp(env: Env, tenant: string, keyId: string | null): Promise<LookUp> {
  return trusted(env, `${tenant}/${keyId ?? ""}`, () => {
    const usedOn = keyId === null ? null : new Date(now()).toISOString().slice(0, 10);
    return tenantApi(env, tenant).lookUp(keyId, usedOn);
  });
}

/** The tenant; null if there is none. */
export async function findTenant(env: Env, tenant: string): Promise<Tenant | null> {
  return (await lookUp(env, tenant, null)).tenant;
}
