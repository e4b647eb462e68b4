/**
 * `npm run keys -- create|list|rotate|revoke --tenant acme`: the keys of a tenant, over the API of operators. `--url` names
 * the service; without it, it is the local one. The root key is read from the variable ADMIN_KEY, locally from the state
 * directory.
 */

import { parseArgs } from "node:util";
import { openAdmin } from "./admin.ts";
import { readLocalKeys } from "./local-keys.ts";
import { stateDirectory } from "./local-secrets.ts";

const USAGE = `Usage: npm run keys -- <command> --tenant <tenant> [options]

  create   makes a key, and the tenant if there is none; prints the key once
           --name <text>      for people; default: the tenant's name
           --scopes <scopes>  comma-separated; default: all that a tenant's key may have
           --expires <time>   RFC 3339, such as 2027-01-01T00:00:00Z, or never; default: in a year
  list     all keys of the tenant, without their secrets
  rotate   replaces a key by a new one with the same scopes; prints it once
           --id <key id>      --overlap-hours <hours> for which the old one is still valid; default 24
  revoke   ends a key within five seconds
           --id <key id>

  --url <origin>  the service; default http://localhost:8787. Its root key is in the variable ADMIN_KEY.`;

const LOCAL_URL = "http://localhost:8787";
const HOUR_MS = 3_600_000;
const KEY_LIFE_MS = 365 * 24 * HOUR_MS;
const allScopes = "jobs:read,jobs:write,jobs:work,files:write,types:write,queues:write,keys:write";

const option = { type: "string" } as const;
const options = {
  ...{ tenant: option, name: option, scopes: option, expires: option, id: option, url: option },
  "overlap-hours": option,
};

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command = ""] = positionals;
  const { tenant, url = LOCAL_URL } = values;
  if (!(command in commands))
    throw new Error(command === "" ? "Name a command." : `There is no command ${command}.`);
  if (tenant === undefined) throw new Error("--tenant is missing.");
  const rootKey = process.env.ADMIN_KEY ?? (await localRootKey(values.url));
  await commands[command as keyof typeof commands](openAdmin(url, rootKey), tenant, values);
}

async function localRootKey(url: string | undefined): Promise<string> {
  if (url !== undefined) throw new Error("Set the variable ADMIN_KEY to a root key of that service.");
  return (await readLocalKeys(stateDirectory())).admin;
}

type Admin = ReturnType<typeof openAdmin>;
type Values = Partial<Record<keyof typeof options, string>>;

const commands = {
  async create(admin: Admin, tenant: string, { name = tenant, scopes = allScopes, expires }: Values) {
    const wanted = scopes.split(",").map((scope) => scope.trim());
    await admin.ensureTenant(tenant);
    const { id, key } = await admin.createKey(tenant, {
      name,
      scopes: wanted,
      expires_at: expiryOf(expires),
    });
    printKey(id, key);
  },
  async list(admin: Admin, tenant: string) {
    for (const { id, name, scopes, expires_at, last_used_on } of await admin.listKeys(tenant))
      console.log(
        `${id}  ${name}  ${scopes.join(",")}  expires ${expires_at ?? "never"}  last used ${last_used_on ?? "never"}`,
      );
  },
  async rotate(admin: Admin, tenant: string, values: Values) {
    const hours = values["overlap-hours"];
    const overlap = hours === undefined ? {} : { overlap_ms: Number(hours) * HOUR_MS };
    const { id, key } = await admin.rotateKey(tenant, readId(values), overlap);
    printKey(id, key);
  },
  async revoke(admin: Admin, tenant: string, values: Values) {
    const id = readId(values);
    await admin.revokeKey(tenant, id);
    console.log(`${id} is refused everywhere within five seconds.`);
  },
};

function readId({ id }: Values): string {
  if (id === undefined) throw new Error("--id is missing. `list` shows the ids.");
  return id;
}

/** A lost key must not last for ever, unless an operator asks for that. */
function expiryOf(text = new Date(Date.now() + KEY_LIFE_MS).toISOString()): string | undefined {
  return text === "never" ? undefined : text;
}

function printKey(id: string, key: string): void {
  console.error(`The key ${id}, shown this once; give it to its user and keep no copy:`);
  console.log(key);
}

try {
  await run();
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}
