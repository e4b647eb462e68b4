/**
 * The secrets of the local service: the keys of its two tenants and the webhook secret. All derive from a random seed
 * that is made at the first start and kept in the state directory, so no other machine knows them.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ApiKeySchema, Scope } from "../src/api/middleware/keys.ts";
import { hex, sha256 } from "../src/lib/hash.ts";
import { keyHash, makeKey } from "../src/lib/key.ts";
import { randomBytes } from "../src/lib/runtime.ts";
import { root } from "./wrangler.ts";

const tenants = ["acme", "globex"] as const;
const roles: { role: "full" | "read"; scopes: Scope[] }[] = [
  { role: "full", scopes: ["jobs:read", "jobs:write"] },
  { role: "read", scopes: ["jobs:read"] },
];

/** The keys: `full` may read and write, `read` may only read. */
export type LocalKeys = Record<(typeof tenants)[number], Record<"full" | "read", string>>;

/** `apiKeys` is the value of API_KEYS that lets the keys in. */
export type LocalSecrets = { keys: LocalKeys; apiKeys: string; webhookSecret: string };

const SEED_BYTES = 32;
const SEED_FILE = "seed";

/** Where the local service keeps what it stores: STATE_DIR, or a folder of the project. */
export function stateDirectory(): string {
  return resolve(root, process.env.STATE_DIR ?? ".wrangler/state");
}

/** The secrets of a state directory. The first call makes the seed, readable by its owner alone. */
export async function openLocalSecrets(stateDir: string): Promise<LocalSecrets> {
  await mkdir(stateDir, { recursive: true });
  const file = join(stateDir, SEED_FILE);
  const isTaken = (error: NodeJS.ErrnoException) => error.code === "EEXIST";
  await writeFile(file, hex(randomBytes(SEED_BYTES)), { flag: "wx", mode: 0o600 }).catch((error) => {
    if (!isTaken(error)) throw error;
  });
  return deriveLocalSecrets(await readFile(file, "utf8"));
}

/** The secrets that follow from a seed. */
export async function deriveLocalSecrets(seed: string): Promise<LocalSecrets> {
  const key = async (tenant: string, role: string) => makeKey(await sha256(`${seed} key ${tenant} ${role}`));
  const keysOf = async (tenant: string) => ({
    full: await key(tenant, "full"),
    read: await key(tenant, "read"),
  });
  const keys = { acme: await keysOf("acme"), globex: await keysOf("globex") };
  const webhookSecret = hex(await sha256(`${seed} webhook secret`));
  return { keys, apiKeys: await listKeys(keys), webhookSecret };
}

async function listKeys(keys: LocalKeys): Promise<string> {
  const entries: ApiKeySchema[] = [];
  for (const tenant of tenants) {
    for (const { role, scopes } of roles)
      entries.push({ hash: await keyHash(keys[tenant][role]), tenant, scopes, name: `local ${role}` });
  }
  return JSON.stringify(entries);
}
