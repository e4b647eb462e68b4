/**
 * The secrets of a local service. They derive from a random seed that is made at the first start and kept in the state
 * directory, so no other machine knows them.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { hex, sha256 } from "../src/lib/hash.ts";
import { ADMIN, keyHash, makeKey } from "../src/lib/key.ts";
import { randomBytes } from "../src/lib/runtime.ts";
import { root } from "./wrangler.ts";

/** The variables of the Worker, and the root key that they let in. */
export type LocalSecrets = {
  rootKey: string;
  variables: { SIGNING_SECRET: string; ADMIN_KEYS: string; WEBHOOK_SECRET: string };
};

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
  const secretOf = async (what: string) => hex(await sha256(`${seed} ${what}`));
  const name = { owner: ADMIN, id: "key_000000000001" };
  const rootKey = await makeKey(name, await sha256(`${seed} root key`), "");
  return {
    rootKey,
    variables: {
      SIGNING_SECRET: await secretOf("signing secret"),
      ADMIN_KEYS: await keyHash(rootKey),
      WEBHOOK_SECRET: await secretOf("webhook secret"),
    },
  };
}
