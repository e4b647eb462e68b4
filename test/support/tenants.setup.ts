/** Before the tests of a file: makes the tenants and the keys of their callers. */

import { env } from "cloudflare:workers";
import { tenantApi } from "../../src/rpc/tenant.ts";
import { tenantDirectory } from "../../src/rpc/tenant-directory.ts";
import { defaultSettings } from "../../src/tenants/settings.ts";
import { testKeys } from "./keys.ts";

for (const [tenant, keys] of await testKeys()) {
  await tenantDirectory(env).add(tenant);
  await tenantApi(env, tenant).put(tenant, defaultSettings, null);
  for (const key of keys) await tenantApi(env, tenant).addKey(key);
}
