/**
 * A tenant and its keys as this isolate knows them: looked up in the tenant's object, and trusted for five seconds. So a
 * busy key costs a look-up every few seconds, and a revoked one is refused everywhere after five. What was not found is
 * remembered as long.
 *
 * Only answers are shared between requests, never promises: the platform forbids a request to wait for another one's I/O.
 */

import { SECOND } from "../core/time.ts";
import type { Env } from "../env.ts";
import { oncePer } from "../lib/once.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import { type LookUp, type Tenant, tenantApi } from "../rpc/tenant.ts";

const TRUST_MS = 5 * SECOND;

/** From then on one request renews the answer, while the others still use it. */
const RENEW_AFTER_MS = 4 * SECOND;

const LOOK_UPS_KEPT_MAX = 10_000;

type Known = { askedAt: number; found: LookUp; isRenewing: boolean };

const knownOf = oncePer((_env: Env) => new Map<string, Known>());

/** The tenant with one of its keys. Rejects if its object cannot be asked: what was known before may be outdated. */
export async function lookUp(env: Env, tenant: string, keyId: string | null): Promise<LookUp> {
  const known = knownOf(env);
  const name = `${tenant}/${keyId ?? ""}`;
  const before = known.get(name);
  const age = before ? now() - before.askedAt : TRUST_MS;
  if (before && age < TRUST_MS && (age < RENEW_AFTER_MS || before.isRenewing)) return before.found;
  if (before) before.isRenewing = true;
  const askedAt = now();
  const usedOn = keyId === null ? null : new Date(askedAt).toISOString().slice(0, 10);
  const found = await withRetry(() => tenantApi(env, tenant).lookUp(keyId, usedOn));
  if (known.size >= LOOK_UPS_KEPT_MAX) known.clear();
  known.set(name, { askedAt, found, isRenewing: false });
  return found;
}

/** The tenant; null if there is none. */
export async function findTenant(env: Env, tenant: string): Promise<Tenant | null> {
  return (await lookUp(env, tenant, null)).tenant;
}
