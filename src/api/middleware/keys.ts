/**
 * Finds a presented API key in the secret API_KEYS, a JSON list of hashed keys. A tenant may have several valid
 * keys at once, so that a key can be replaced without an interruption. Without a readable list every request with a
 * key gets 401, and the log says what to do. No key and no part of the secret is logged.
 */

import { z } from "zod";
import { sha256 } from "../../lib/hash.ts";
import { isKey, keyIdOf } from "../../lib/key.ts";
import { log } from "../../lib/log.ts";
import { rfc3339Schema, toEpochMs } from "../../lib/rfc3339.ts";

export const scopes = ["jobs:read", "jobs:write"] as const;
export type Scope = (typeof scopes)[number];

/** One key as API_KEYS lists it; `npm run new-key` prints such an entry. */
export const ApiKeySchema = z.strictObject({
  hash: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hexadecimal"),
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be 1 to 40 of a-z, 0-9 and -, not starting with -"),
  scopes: z.array(z.enum(scopes)).min(1),
  expires_at: rfc3339Schema.optional(),
  name: z.string().optional(),
});
export type ApiKeySchema = z.infer<typeof ApiKeySchema>;

const ApiKeysSchema = z
  .array(ApiKeySchema)
  .refine((list) => new Set(list.map((entry) => entry.hash)).size === list.length, "lists a hash twice");

export type KeyAnswer =
  | { ok: true; tenant: string; scopes: readonly Scope[]; keyId: string }
  | { ok: false; reason: "not_configured" | "malformed" | "unknown" | "expired"; keyId?: string };

type KeyEntry = {
  hash: Uint8Array;
  keyId: string;
  tenant: string;
  scopes: readonly Scope[];
  expiresAt: number | null;
};

/**
 * Finds the tenant and scopes of a presented key. `now` is epoch milliseconds. Every entry is compared in constant
 * time, so the time taken reveals nothing about the existing keys.
 */
export async function findKey(
  apiKeysText: string | undefined,
  presented: string,
  now: number,
): Promise<KeyAnswer> {
  const entries = loadEntries(apiKeysText);
  if (!entries) return { ok: false, reason: "not_configured" };
  if (!isKey(presented)) return { ok: false, reason: "malformed" };
  const hash = await sha256(presented);
  let found: KeyEntry | null = null;
  for (const entry of entries) {
    if (crypto.subtle.timingSafeEqual(entry.hash, hash)) found = entry;
  }
  if (!found) return { ok: false, reason: "unknown" };
  if (found.expiresAt !== null && found.expiresAt <= now)
    return { ok: false, reason: "expired", keyId: found.keyId };
  return { ok: true, tenant: found.tenant, scopes: found.scopes, keyId: found.keyId };
}

/** An isolate sees one secret in its life, so it is read, and found wanting, once. */
let cachedKeys: { text: string | undefined; entries: readonly KeyEntry[] | null } | null = null;

function loadEntries(text: string | undefined): readonly KeyEntry[] | null {
  if (!cachedKeys || cachedKeys.text !== text) cachedKeys = { text, entries: readEntries(text) };
  return cachedKeys.entries;
}

function readEntries(text: string | undefined): readonly KeyEntry[] | null {
  if (text === undefined) return logUnusable("API_KEYS is not set");
  const list = ApiKeysSchema.safeParse(parseKeysJson(text));
  return list.success ? list.data.map(toEntry) : logUnusable("API_KEYS is not a list of keys", list.error);
}

/** Logs only the positions and kinds of errors, because their texts might quote the secret. */
function logUnusable(problem: string, error?: z.ZodError): null {
  log("error", "api_keys_unusable", {
    problem,
    ...(error && { at: error.issues.map((issue) => `/${issue.path.join("/")}: ${issue.code}`) }),
    consequence: "every request with a key gets 401",
    remedy:
      "make a key with `npm run new-key`, then store the JSON list with `npx wrangler secret put API_KEYS`",
  });
  return null;
}

function toEntry({ hash, tenant, scopes, expires_at }: ApiKeySchema): KeyEntry {
  return {
    hash: fromHex(hash),
    keyId: keyIdOf(hash),
    tenant,
    scopes,
    expiresAt: expires_at === undefined ? null : toEpochMs(expires_at),
  };
}

function parseKeysJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
