/**
 * `npm run new-key -- --tenant acme`: makes an API key, prints it once, and says how to let it in.
 * Only the hash is meant to be kept; nothing is stored and nothing is sent from here.
 */

import { parseArgs } from "node:util";
import { ApiKeySchema, scopes } from "../src/api/middleware/keys.ts";
import { DAY } from "../src/core/time.ts";
import { keyHash, makeKey } from "../src/lib/key.ts";
import { toEpochMs } from "../src/lib/rfc3339.ts";
import { now, randomBytes } from "../src/lib/runtime.ts";

const USAGE = `Usage: npm run new-key -- --tenant <tenant> [options]

  --tenant <tenant>    who the key belongs to: 1 to 40 of a-z, 0-9 and -
  --scopes <scopes>    comma-separated, out of ${scopes.join(", ")}; default: all
  --expires <time>     RFC 3339, such as 2027-01-01T00:00:00Z, or never; default: in a year
  --name <text>        a note for readers of the list`;

const KEY_BYTES = 32;
const KEY_LIFE_MS = 365 * DAY;

/** The entry for a key with this hash. Throws an Error that says which argument is wrong. */
function entryFor(hash: string, args: string[]): ApiKeySchema {
  const option = { type: "string" } as const;
  const options = { tenant: option, scopes: option, expires: option, name: option };
  const { values } = parseArgs({ args, options });
  if (values.tenant === undefined) throw new Error("--tenant is missing");
  const entry = ApiKeySchema.safeParse({
    hash,
    tenant: values.tenant,
    scopes: values.scopes?.split(",").map((scope) => scope.trim()) ?? scopes,
    expires_at: expiryOf(values.expires),
    name: values.name,
  });
  if (!entry.success) throw new Error(entry.error.issues.map(describe).join("\n"));
  if (toEpochMs(entry.data.expires_at ?? "9999-12-31T00:00:00Z") <= now()) {
    throw new Error("--expires lies in the past");
  }
  return entry.data;
}

/** A lost key must not last for ever, unless an operator asks for that. */
function expiryOf(text = new Date(now() + KEY_LIFE_MS).toISOString()): string | undefined {
  return text === "never" ? undefined : text;
}

function describe({ path, message }: { path: PropertyKey[]; message: string }): string {
  const [field] = path;
  return `--${field === "expires_at" ? "expires" : String(field)}: ${message}`;
}

const key = makeKey(randomBytes(KEY_BYTES));
try {
  const entry = entryFor(await keyHash(key), process.argv.slice(2));
  console.log(`The key, shown this once; give it to ${entry.tenant} and keep no copy:

  ${key}

Add this entry to the JSON list in the secret API_KEYS (the key itself is not in it):

  ${JSON.stringify(entry)}

Store the whole list, with the entries it already has:

  npx wrangler secret put API_KEYS

It asks for the value: [<the entries so far>, <this entry>]. Keep the list where you keep secrets: wrangler
does not show it again. To revoke a key, store the list without its entry.`);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}
