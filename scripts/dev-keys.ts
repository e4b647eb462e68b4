/**
 * `npm run -s dev-keys` prints the keys of the local tenants as JSON; `npm run -s dev-keys -- acme` prints only the full
 * key of that tenant. STATE_DIR names the service whose keys they are.
 */

import { type LocalKeys, openLocalSecrets, stateDirectory } from "./local-secrets.ts";

const { keys } = await openLocalSecrets(stateDirectory());
const [tenant] = process.argv.slice(2);
if (tenant === undefined) console.log(JSON.stringify(keys, null, 2));
else if (Object.hasOwn(keys, tenant)) console.log(keys[tenant as keyof LocalKeys].full);
else {
  console.error(`There is no local tenant ${tenant}. Use one of: ${Object.keys(keys).join(", ")}.`);
  process.exitCode = 1;
}
