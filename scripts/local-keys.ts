/**
 * The keys of the two local tenants and the webhook secret of the local service, for development and tests. They are
 * derived from fixed labels, so that they are the same on every machine while no secret stands in the repository.
 * Never use them in a deployment: anyone who can read this file can make them.
 */

import type { ApiKeySchema, Scope } from "../src/api/middleware/keys.ts";
import { hex, sha256 } from "../src/lib/hash.ts";
import { keyHash, makeKey } from "../src/lib/key.ts";

const tenants = ["acme", "globex"] as const;
const roles: { role: "full" | "read"; scopes: Scope[] }[] = [
  { role: "full", scopes: ["jobs:read", "jobs:write"] },
  { role: "read", scopes: ["jobs:read"] },
];

export type LocalKeys = Record<(typeof tenants)[number], Record<"full" | "read", string>>;

/** The keys: `full` may read and write, `read` may only read. */
export async function localKeys(): Promise<LocalKeys> {
  const keysOf = async (tenant: string) => ({
    full: await localKey(tenant, "full"),
    read: await localKey(tenant, "read"),
  });
  return { acme: await keysOf("acme"), globex: await keysOf("globex") };
}

/** The value of API_KEYS that lets these keys in. */
export async function localApiKeys(): Promise<string> {
  const entries: ApiKeySchema[] = [];
  for (const tenant of tenants) {
    for (const { role, scopes } of roles) {
      const hash = await keyHash(await localKey(tenant, role));
      entries.push({ hash, tenant, scopes, name: `local ${role}` });
    }
  }
  return JSON.stringify(entries);
}

/** The WEBHOOK_SECRET of the local service. */
export async function localWebhookSecret(): Promise<string> {
  return hex(await sha256("accepted local development webhook secret"));
}

async function localKey(tenant: string, role: string): Promise<string> {
  return makeKey(await sha256(`accepted local development key: ${tenant} ${role}`));
}
