/**
 * Who calls in the HTTP tests. The jobs of the tenants called parked… stay as they are until a test moves them, see
 * parked.ts; those of acme and globex are really run.
 */

import { deriveLocalSecrets } from "../../scripts/local-secrets.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keyHash, makeKey } from "../../src/lib/key.ts";
import { type NewKey, type TenantScope, tenantScopes } from "../../src/rpc/tenant.ts";

type KeyOfCaller = { tenant: string; scopes: readonly TenantScope[]; expiresAt?: number };

const callers = {
  acme: { tenant: "acme", scopes: tenantScopes },
  globex: { tenant: "globex", scopes: tenantScopes },
  acmeReader: { tenant: "acme", scopes: ["jobs:read"] },
  parked: { tenant: "parked", scopes: tenantScopes },
  parkedReader: { tenant: "parked", scopes: ["jobs:read"] },
  parkedWriter: { tenant: "parked", scopes: ["jobs:write"] },
  parkedOther: { tenant: "parked-other", scopes: tenantScopes },
  expired: { tenant: "parked", scopes: tenantScopes, expiresAt: Date.parse("2026-01-01T00:00:00Z") },
} as const satisfies Record<string, KeyOfCaller>;

/** `admin` has the root key. */
export type Caller = keyof typeof callers | "admin";

/** The secrets of the Worker under test. */
export const testSecrets = () => deriveLocalSecrets("accepted tests");

/** The name of a caller's key. */
async function nameOf(caller: keyof typeof callers) {
  const id = `key_${(await keyHash(`accepted test key: ${caller}`)).slice(0, 12)}`;
  return { owner: callers[caller].tenant, id };
}

/** The key of a caller. */
export async function keyOf(caller: Caller): Promise<string> {
  const { rootKey, variables } = await testSecrets();
  if (caller === "admin") return rootKey;
  const bytes = await sha256(`accepted test key: ${caller}`);
  return makeKey(await nameOf(caller), bytes, variables.SIGNING_SECRET);
}

/** The records of all keys, by tenant. */
export async function testKeys(): Promise<Map<string, NewKey[]>> {
  const records = new Map<string, NewKey[]>();
  for (const caller of Object.keys(callers) as (keyof typeof callers)[]) {
    const { tenant, scopes, expiresAt }: KeyOfCaller = callers[caller];
    const { id } = await nameOf(caller);
    const hash = await keyHash(await keyOf(caller));
    const known = records.get(tenant) ?? [];
    records.set(tenant, [
      ...known,
      { id, hash, name: caller, scopes: [...scopes], expiresAt: expiresAt ?? null },
    ]);
  }
  return records;
}
