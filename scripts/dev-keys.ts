/** `npm run -s dev-keys`: prints the keys of the two local tenants as JSON, for scripts and for people. */

import { localKeys } from "./local-keys.ts";

console.log(JSON.stringify(await localKeys(), null, 2));
