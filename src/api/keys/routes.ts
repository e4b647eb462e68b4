/** The routes of keys: those of the caller's own tenant, and for operators those of every tenant. */

import { type Context, Hono } from "hono";
import { settings } from "../../env.ts";
import { isKeyId, KEY_SECRET_BYTES, keyHash, makeKey, newKeyId, TENANT_NAME } from "../../lib/key.ts";
import { type LogFields, log } from "../../lib/log.ts";
import { toEpochMs } from "../../lib/rfc3339.ts";
import { now, randomBytes } from "../../lib/runtime.ts";
import { type AddKeyAnswer, type KeyRecord, type TenantScope, tenantApi } from "../../rpc/tenant.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { invalidRequest, readJson, readOptionalJson, validate } from "../request/body.ts";
import { CreateKeyRequestSchema, OVERLAP_DEFAULT_MS, RotateKeyRequestSchema } from "./schemas.ts";

export function keyRoutes() {
  const routes = new Hono<AppEnv>();
  for (const [prefix, scope] of [
    ["", "keys:write"],
    ["/tenants/:tenant", "admin"],
  ] as const) {
    routes.get(`${prefix}/keys`, requireScope(scope), listKeys);
    routes.post(`${prefix}/keys`, requireScope(scope), createKey);
    routes.get(`${prefix}/keys/:id`, requireScope(scope), readKeyRecord);
    routes.delete(`${prefix}/keys/:id`, requireScope(scope), deleteKey);
    routes.post(`${prefix}/keys/:id/rotate`, requireScope(scope), rotateKey);
  }
  return routes;
}

async function listKeys(c: Context<AppEnv>): Promise<Response> {
  return c.json({ data: (await existingKeys(c)).map(keyView) }, 200, NO_STORE);
}

async function readKeyRecord(c: Context<AppEnv>): Promise<Response> {
  return c.json({ data: keyView(await findKey(c)) }, 200, NO_STORE);
}

async function createKey(c: Context<AppEnv>): Promise<Response> {
  const { name, scopes, expires_at } = validate(CreateKeyRequestSchema, await readJson(c));
  assertMayGrant(c, scopes);
  const expiresAt = readExpiry(expires_at);
  await assertTenant(c);
  const made = await generateKey(c);
  const added = await api(c).addKey({ id: made.id, hash: made.hash, name, scopes, expiresAt });
  const response = respondAdded(c, added, made.key);
  log("info", "key_created", keyFields(c, made.id));
  return response;
}

async function rotateKey(c: Context<AppEnv>): Promise<Response> {
  const { overlap_ms, expires_at } = validate(RotateKeyRequestSchema, await readOptionalJson(c));
  const expiresAt = readExpiry(expires_at);
  const old = await findKey(c);
  assertMayGrant(c, old.scopes);
  const { id, hash, key } = await generateKey(c);
  const added = await api(c).rotateKey(old.id, { id, hash, expiresAt }, overlap_ms ?? OVERLAP_DEFAULT_MS);
  const response = respondAdded(c, added, key);
  log("info", "key_rotated", { ...keyFields(c, id), replaced_key_id: old.id });
  return response;
}

async function deleteKey(c: Context<AppEnv>): Promise<Response> {
  await assertTenant(c);
  const id = c.req.param("id") ?? "";
  if (!isKeyId(id) || !(await api(c).deleteKey(id))) throw new Problem("not_found");
  log("info", "key_revoked", keyFields(c, id));
  return c.body(null, 204, NO_STORE);
}

/** Only this answer has the key itself. Throws if no key was added. */
function respondAdded(c: Context<AppEnv>, added: AddKeyAnswer, key: string): Response {
  if (added.kind === "not_found") throw new Problem("not_found");
  if (added.kind === "quota_exceeded") {
    const { allowed, used } = added;
    throw new Problem("quota_exceeded", {
      detail: `The tenant has ${used} keys that have not expired, of ${allowed}. Revoke one.`,
      members: { limit: "keys", allowed, used },
    });
  }
  const location = `${c.req.path.replace(/\/keys.*$/, "/keys")}/${added.key.id}`;
  return c.json({ data: { ...keyView(added.key), key } }, 201, { ...NO_STORE, Location: location });
}

function keyFields(c: Context<AppEnv>, keyId: string): LogFields {
  return {
    request_id: c.get("requestId"),
    tenant: tenantOf(c),
    key_id: keyId,
    by_key_id: c.get("caller").keyId,
  };
}

async function generateKey(c: Context<AppEnv>): Promise<{ id: string; hash: string; key: string }> {
  const id = newKeyId();
  const { SIGNING_SECRET } = settings(c.env);
  const key = await makeKey({ owner: tenantOf(c), id }, randomBytes(KEY_SECRET_BYTES), SIGNING_SECRET);
  return { id, hash: await keyHash(key), key };
}

/** A tenant's key cannot give what it lacks; a root key may grant everything but its own scope. */
function assertMayGrant(c: Context<AppEnv>, scopes: readonly TenantScope[]): void {
  const own = c.get("caller").scopes;
  const lacking = own.includes("admin") ? [] : scopes.filter((scope) => !own.includes(scope));
  if (lacking.length > 0)
    throw new Problem("forbidden", {
      detail: `This key lacks ${lacking.join(" and ")}, so it cannot grant it.`,
    });
}

function readExpiry(text: string | undefined): number | null {
  if (text === undefined) return null;
  const at = toEpochMs(text);
  if (at <= now())
    throw invalidRequest([{ pointer: "#/expires_at", detail: "This time has passed. Name a later one." }]);
  return at;
}

/** The tenant in the path, or the caller's own. */
function tenantOf(c: Context<AppEnv>): string {
  return c.req.param("tenant") ?? c.get("caller").tenant;
}

function api(c: Context<AppEnv>) {
  return tenantApi(c.env, tenantOf(c));
}

/** A name that no tenant can have wakes no object. */
async function assertTenant(c: Context<AppEnv>): Promise<void> {
  const isKnown = TENANT_NAME.test(tenantOf(c)) && (await api(c).lookUp(null, null)).tenant !== null;
  if (!isKnown) throw new Problem("not_found");
}

async function existingKeys(c: Context<AppEnv>): Promise<KeyRecord[]> {
  await assertTenant(c);
  return api(c).keys();
}

async function findKey(c: Context<AppEnv>): Promise<KeyRecord> {
  const found = (await existingKeys(c)).find(({ id }) => id === c.req.param("id"));
  if (!found) throw new Problem("not_found");
  return found;
}

function keyView({ id, name, scopes, createdAt, expiresAt, lastUsedOn }: KeyRecord) {
  return {
    id,
    name,
    scopes,
    created_at: formatTime(createdAt),
    expires_at: expiresAt === null ? null : formatTime(expiresAt),
    last_used_on: lastUsedOn,
  };
}
