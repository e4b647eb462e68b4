/**
 * Who calls in the HTTP tests. The jobs of the tenants called parked… stay as they are until a test moves them, see
 * parked.ts; those of acme and globex are really run.
 */

import { deriveLocalSecrets } from "../../scripts/local-secrets.ts";
import type { ApiKeySchema } from "../../src/api/middleware/keys.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keyHash, makeKey } from "../../src/lib/key.ts";

const callers = {
  parked: { tenant: "parked", scopes: ["jobs:read", "jobs:write"] },
  parkedReader: { tenant: "parked", scopes: ["jobs:read"] },
  parkedWriter: { tenant: "parked", scopes: ["jobs:write"] },
  parkedOther: { tenant: "parked-other", scopes: ["jobs:read", "jobs:write"] },
  expired: { tenant: "parked", scopes: ["jobs:read", "jobs:write"], expires_at: "2026-01-01T00:00:00Z" },
} as const satisfies Record<
  string,
  Pick<ApiKeySchema, "tenant"> & { scopes: readonly string[]; expires_at?: string }
>;

export type Caller = keyof typeof callers | "acme" | "globex";

/** The local secrets of the Worker under test. */
export const testSecrets = () => deriveLocalSecrets("accepted tests");

const keyOfCaller = async (name: string) => makeKey(await sha256(`accepted test key: ${name}`));

/** The key of a caller. */
export async function keyOf(caller: Caller): Promise<string> {
  if (caller === "acme" || caller === "globex") return (await testSecrets()).keys[caller].full;
  return keyOfCaller(caller);
}

/** The value of API_KEYS that lets them all in. */
export async function testApiKeys(): Promise<string> {
  const own = Object.entries(callers).map(async ([name, caller]) => {
    return { hash: await keyHash(await keyOfCaller(name)), ...caller };
  });
  return JSON.stringify([...JSON.parse((await testSecrets()).apiKeys), ...(await Promise.all(own))]);
}
