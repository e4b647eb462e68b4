/**
 * `npm run -s dev-keys` prints the root key and the keys of the local tenants as JSON; `npm run -s dev-keys -- acme` prints
 * only the full key of that tenant. STATE_DIR names the service whose keys they are.
 */

import { readLocalKeys } from "./local-keys.ts";
import { stateDirectory } from "./local-secrets.ts";

try {
  const keys = await readLocalKeys(stateDirectory());
  const { admin: _, ...tenants } = keys;
  const [tenant] = process.argv.slice(2);
  if (tenant === undefined) console.log(JSON.stringify(keys, null, 2));
  else if (Object.hasOwn(tenants, tenant)) console.log(tenants[tenant as keyof typeof tenants].full);
  else throw new Error(`There is no local tenant ${tenant}. Use one of: ${Object.keys(tenants).join(", ")}.`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
