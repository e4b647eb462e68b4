/** Many tenants with several keys each: every key finds its own tenant. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { keyHash, makeKey, newKeyId } from "../../src/lib/key.ts";
import { tenantApi } from "../../src/rpc/tenant.ts";
import { findKeyHolder } from "../../src/tenants/credentials.ts";
import { defaultSettings } from "../../src/tenants/settings.ts";

const TENANTS = 1_000;
const AT_ONCE = 50;

async function makeTenant(tenant: string): Promise<string[]> {
  const api = tenantApi(env, tenant);
  await api.put(tenant, defaultSettings, null);
  const keys: string[] = [];
  for (const name of ["one", "two", "three"]) {
    const id = newKeyId();
    const key = await makeKey(
      { owner: tenant, id },
      crypto.getRandomValues(new Uint8Array(32)),
      env.SIGNING_SECRET,
    );
    await api.addKey({ id, hash: await keyHash(key), name, scopes: ["jobs:read"], expiresAt: null });
    keys.push(key);
  }
  return keys;
}

test("1,000 tenants with three keys each → every key is its tenant's", async () => {
  const names = Array.from({ length: TENANTS }, (_, at) => `tenant-${at}`);
  for (let from = 0; from < TENANTS; from += AT_ONCE) {
    const some = names.slice(from, from + AT_ONCE);
    const keys = await Promise.all(some.map(makeTenant));
    for (const [at, tenant] of some.entries())
      for (const key of keys[at] ?? [])
        expect(await findKeyHolder(env, key)).toMatchObject({ ok: true, tenant: { id: tenant } });
  }
}, 120_000);
