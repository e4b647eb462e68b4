/** The keys of a local service, made over its own API at the first start and kept in the state directory. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openAdmin } from "./admin.ts";

const tenants = ["acme", "globex"] as const;
const roles = {
  full: ["jobs:read", "jobs:write", "jobs:work", "files:write", "types:write", "queues:write", "keys:write"],
  read: ["jobs:read"],
};

/** As `npm run -s dev-keys` prints them: a root key, and two tenants' keys. `read` may only read. */
export type LocalKeys = { admin: string } & Record<
  (typeof tenants)[number],
  Record<keyof typeof roles, string>
>;

const KEYS_FILE = "keys.json";

/** The keys of a state directory. Rejects if the service has never been started with it. */
export async function readLocalKeys(stateDir: string): Promise<LocalKeys> {
  const text = await readFile(join(stateDir, KEYS_FILE), "utf8").catch((cause: unknown) => {
    throw new Error("There are no keys yet. Start the service first: npm start", { cause });
  });
  return JSON.parse(text) as LocalKeys;
}

/** The keys of the service at `url`: those that are kept, or if it does not know them, new ones. */
export async function openLocalKeys(url: string, rootKey: string, stateDir: string): Promise<LocalKeys> {
  const kept = await readLocalKeys(stateDir).catch(() => null);
  if (kept && (await isKnown(url, kept.globex.read))) return kept;
  const keys = await makeLocalKeys(url, rootKey);
  await writeFile(join(stateDir, KEYS_FILE), JSON.stringify(keys, null, 2), { mode: 0o600 });
  return keys;
}

/** Makes the two tenants of the service at `url`, and their keys. */
export async function makeLocalKeys(url: string, rootKey: string): Promise<LocalKeys> {
  const admin = openAdmin(url, rootKey);
  const keysOf = async (tenant: string) => {
    await admin.ensureTenant(tenant);
    const make = async (role: keyof typeof roles) =>
      (await admin.createKey(tenant, { name: `local ${role}`, scopes: roles[role] })).key;
    const [full, read] = await Promise.all([make("full"), make("read")]);
    return { full, read };
  };
  const [acme, globex] = await Promise.all(tenants.map(keysOf));
  if (!acme || !globex) throw new Error("A tenant has no keys.");
  return { admin: rootKey, acme, globex };
}

async function isKnown(url: string, key: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/me`, { headers: { Authorization: `Bearer ${key}` } });
  return answer.status !== 401;
}
