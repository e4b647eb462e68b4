/**
 * A tenant and its keys as this isolate knows them: looked up in the tenant's object, and trusted for five seconds. So a
 * busy key costs a look-up every five seconds, and a revoked one is refused everywhere after that time. What was not
 * found is remembered as long.
 */

import { SECOND } from "../core/time.ts";
import type { Env } from "../env.ts";
import { oncePer } from "../lib/once.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import { type LookUp, type Tenant, tenantApi } from "../rpc/tenant.ts";

const TRUST_MS = 5 * SECOND;
const LOOK_UPS_KEPT_MAX = 10_000;

type Known = { askedAt: number; answer: Promise<LookUp> };

const knownOf = oncePer((_env: Env) => new Map<string, Known>());

/** The tenant with one of its keys. Rejects if its object cannot be asked: what was known before may be outdated. */
export function lookUp(env: Env, tenant: string, keyId: string | null): Promise<LookUp> {
  const known = knownOf(env);
  const name = `${tenant}/${keyId ?? ""}`;
  const found = known.get(name);
  if (found && now() < found.askedAt + TRUST_MS) return found.answer;
  if (known.size >= LOOK_UPS_KEPT_MAX) known.clear();
  const askedAt = now();
  const usedOn = keyId === null ? null : new Date(askedAt).toISOString().slice(0, 10);
  const answer = withRetry(() => tenantApi(env, tenant).lookUp(keyId, usedOn));
  known.set(name, { askedAt, answer });
  answer.catch(() => known.delete(name));
  return answer;
}

/** The tenant; null if there is none. */
export async function findTenant(env: Env, tenant: string): Promise<Tenant | null> {
  return (await lookUp(env, tenant, null)).tenant;
}
