/** Who a credential belongs to. No credential and no part of a secret is logged. */

import { type Env, settings } from "../env.ts";
import { ADMIN, keyHash, readKey } from "../lib/key.ts";
import { now } from "../lib/runtime.ts";
import { isSameText } from "../lib/signing.ts";
import type { KeyRecord, Scope, Tenant, TenantLimits } from "../rpc/tenant.ts";
import { lookUp } from "./look-up.ts";

/** The bearer of a valid key. A root key has no tenant, and no record. */
export type KeyHolder = {
  keyId: string;
  scopes: readonly Scope[];
  tenant: Tenant | null;
  key: KeyRecord | null;
  used: TenantLimits | null;
};

export type KeyAnswer =
  | ({ ok: true } & KeyHolder)
  | { ok: false; reason: "malformed" | "unknown" | "expired" | "key_in_url"; keyId?: string };

/**
 * Finds the holder of a presented key. What this deployment did not issue is refused without a look-up. Rejects if the
 * tenant's object cannot be asked.
 */
export async function findKeyHolder(env: Env, presented: string): Promise<KeyAnswer> {
  const { SIGNING_SECRET, ADMIN_KEYS } = settings(env);
  const name = await readKey(presented, SIGNING_SECRET);
  if (!name) return { ok: false, reason: "malformed" };
  const keyId = name.id;
  const hash = await keyHash(presented);
  if (name.owner === ADMIN) {
    const isKnown = ADMIN_KEYS.filter((known) => isSameText(known, hash)).length > 0;
    if (!isKnown) return { ok: false, reason: "unknown", keyId };
    return { ok: true, keyId, scopes: ["admin"], tenant: null, key: null, used: null };
  }
  const { tenant, key, used } = await lookUp(env, name.owner, keyId);
  if (tenant?.status === "erasing") return { ok: true, keyId, scopes: [], tenant, key: null, used };
  if (!tenant || !key || !isSameText(key.hash, hash)) return { ok: false, reason: "unknown", keyId };
  if (key.expiresAt !== null && key.expiresAt <= now()) return { ok: false, reason: "expired", keyId };
  return { ok: true, keyId, scopes: key.scopes, tenant, key, used };
}
