/** Authenticates a request by its credential, checks what the route needs, and limits the rate. */

import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { settings } from "../../env.ts";
import { log } from "../../lib/log.ts";
import { isMarked } from "../../lib/target.ts";
import type { Scope } from "../../rpc/tenant.ts";
import { findKeyHolder, type KeyAnswer } from "../../tenants/credentials.ts";
import { lookUp } from "../../tenants/look-up.ts";
import { isToken, type JobPermission, readToken, type Token } from "../../tenants/tokens.ts";
import type { AppEnv, Caller } from "../app-env.ts";
import { Problem } from "../problems.ts";

/** Credentials as RFC 6750 section 2.1 has them; the scheme's case does not matter (RFC 9110 section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** The rate limits count by minute; a tenth of it is a fair wait. */
const RATE_LIMIT_RETRY_SECONDS = 6;

const KEY_CHECK_RETRY_SECONDS = 2;

/** EventSource and WebSocket cannot send headers, so here alone a job token may stand in the URL. */
const EVENTS_PATH = /^\/v1\/jobs\/[^/]+\/events$/;

/**
 * Finds the caller by the credential or answers 401. Counts the request against the key's limit, or without a valid key
 * against that of the address, or answers 429.
 */
export const authenticate = createMiddleware<AppEnv>(async (c, next) => {
  // Two jobs that submit each other would keep each other alive for ever.
  if (c.req.method === "POST" && isMarked(c.req.header("Via")))
    throw new Problem("forbidden", { detail: "A job must not call the service that runs it." });
  // Outside of the check of the credential: a misconfigured deployment is not unavailable for a moment.
  settings(c.env);
  const { credential, isInUrl } = readCredential(c);
  const caller = credential === undefined ? null : await findCaller(c, credential, isInUrl);
  if (!caller?.ok) return rejectUnknown(c, caller);
  if (caller.state && caller.state.status !== "active") throw new Problem("tenant_disabled");
  await assertWithinLimit(c.env.KEY_LIMITER, caller.keyId);
  c.set("caller", caller);
  await next();
  if (isInUrl) c.res.headers.set("Referrer-Policy", "no-referrer");
});

type CallerAnswer = ({ ok: true } & Caller) | Extract<KeyAnswer, { ok: false }>;

function readCredential(c: Context<AppEnv>): { credential: string | undefined; isInUrl: boolean } {
  const header = c.req.header("Authorization");
  if (header !== undefined) return { credential: header.match(BEARER)?.[1], isInUrl: false };
  const inUrl = EVENTS_PATH.test(c.req.path) ? c.req.query("access_token") : undefined;
  return { credential: inUrl, isInUrl: inUrl !== undefined };
}

/** Whether a key is valid cannot always be said; then it is neither accepted nor refused. */
async function findCaller(c: Context<AppEnv>, credential: string, isInUrl: boolean): Promise<CallerAnswer> {
  try {
    if (isToken(credential)) return await findTokenCaller(c, credential);
    if (isInUrl) return { ok: false, reason: "key_in_url" };
    const found = await findKeyHolder(c.env, credential);
    if (!found.ok) return found;
    const { tenant } = found;
    return { ...found, tenant: tenant?.id ?? "", state: tenant, token: null };
  } catch (error) {
    if (error instanceof Problem) throw error;
    log("error", "key_unchecked", { request_id: c.get("requestId"), error });
    throw new Problem("unavailable", { headers: { "Retry-After": String(KEY_CHECK_RETRY_SECONDS) } });
  }
}

/** The bearer of a token. No log line has the token: it is named after what it is for. */
async function findTokenCaller(c: Context<AppEnv>, credential: string): Promise<CallerAnswer> {
  const token = await readToken(credential, settings(c.env).SIGNING_SECRET);
  if (token === null) return { ok: false, reason: "malformed" };
  if (token === "expired") throw tokenExpired();
  const { tenant, used } = await lookUp(c.env, token.tenant, null);
  if (!tenant) return { ok: false, reason: "unknown" };
  const keyId = `token ${token.kind === "upload" ? token.fileId : token.jobId}`;
  return { ok: true, keyId, scopes: [], tenant: tenant.id, state: tenant, key: null, used, token };
}

/** The problem of a token that is past its time, or used up. */
export function tokenExpired(): Problem {
  return new Problem("token_expired", { headers: { "WWW-Authenticate": 'Bearer error="invalid_token"' } });
}

/** Always throws. Who guesses keys is slowed down. */
async function rejectUnknown(
  c: Context<AppEnv>,
  found: Extract<KeyAnswer, { ok: false }> | null,
): Promise<never> {
  await assertWithinLimit(c.env.ADDRESS_LIMITER, c.req.header("CF-Connecting-IP") ?? "unknown");
  if (found) {
    const { reason, keyId } = found;
    log("warn", "key_rejected", { request_id: c.get("requestId"), reason, key_id: keyId });
  }
  const challenge = found ? 'Bearer error="invalid_token"' : "Bearer";
  throw new Problem("unauthenticated", { headers: { "WWW-Authenticate": challenge } });
}

/** What a token may allow. */
type Permission = JobPermission | "upload" | "read_file" | "attempt";

/**
 * Rejects a key without one of the scopes, and a token without the permission (403). Without a permission, no token does;
 * for a running attempt no key does. A token for a job knows no other job.
 */
export function requireScope(scope: Scope | readonly Scope[], permission: Permission | null = null) {
  const anyOf = [scope].flat();
  return createMiddleware<AppEnv>(async (c, next) => {
    const { scopes, tenant, keyId, token } = c.get("caller");
    const hasScope = permission !== "attempt" && anyOf.some((one) => scopes.includes(one));
    const isAllowed = token ? allows(token, permission) : hasScope;
    if (isAllowed && token && "jobId" in token && isOtherJob(c, token.jobId)) throw new Problem("not_found");
    if (!isAllowed) {
      const needed = permission === "attempt" ? "attempt token" : anyOf.join(" or ");
      log("warn", "forbidden", { request_id: c.get("requestId"), tenant, key_id: keyId, scope: needed });
      const need = token ? "This token does not allow it." : neededCredential(anyOf, permission);
      throw new Problem("forbidden", { detail: need });
    }
    await next();
  });
}

function neededCredential(anyOf: readonly Scope[], permission: Permission | null): string {
  if (permission === "attempt") return "Use the attempt token of the claim.";
  return `Use a key that has the scope ${anyOf.join(" or ")}.`;
}

function allows(token: Token, permission: Permission | null): boolean {
  switch (token.kind) {
    case "attempt":
      return permission === "attempt" || permission === "upload" || permission === "read_file";
    case "upload":
      return permission === "upload";
    case "job":
      return token.allow.some((one) => one === (permission === "read_file" ? "result" : permission));
  }
}

/** Files have paths of their own, where the file itself says whose it is. */
function isOtherJob(c: Context<AppEnv>, jobId: string): boolean {
  return c.req.path.startsWith("/v1/jobs/") && c.req.param("id") !== jobId;
}

/** If the limiter fails, requests pass: it guards against abuse and must not stop the service. */
async function assertWithinLimit(limiter: RateLimit, key: string): Promise<void> {
  const isWithin = await limiter.limit({ key }).then(
    ({ success }) => success,
    (error: unknown) => {
      log("warn", "limiter_failed", { error });
      return true;
    },
  );
  if (!isWithin)
    throw new Problem("rate_limited", { headers: { "Retry-After": String(RATE_LIMIT_RETRY_SECONDS) } });
}
