/** Authenticates a request by its API key, checks the scope of the route, and limits the rate. */

import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import { isMarked } from "../../lib/target.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";
import { findKey, type KeyAnswer, type Scope } from "./keys.ts";

/** Credentials as RFC 6750 section 2.1 has them; the scheme's case does not matter (RFC 9110 section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** The rate limit counts by minute; a tenth of it is a fair wait. */
const RATE_LIMIT_RETRY_SECONDS = 6;

/** Finds the caller by the key or returns 401. Counts the request against the key's limit or returns 429. */
export const authenticate = createMiddleware<AppEnv>(async (c, next) => {
  // Two jobs that submit each other would keep each other alive for ever.
  if (c.req.method === "POST" && isMarked(c.req.header("Via")))
    throw new Problem("forbidden", { detail: "A job must not call the service that runs it." });
  const [, token] = c.req.header("Authorization")?.match(BEARER) ?? [];
  const found = token === undefined ? null : await findKey(c.env.API_KEYS, token, now());
  if (!found?.ok) {
    const challenge = found ? 'Bearer error="invalid_token"' : "Bearer";
    if (found) logRejection(c, found);
    throw new Problem("unauthenticated", { headers: { "WWW-Authenticate": challenge } });
  }
  const { tenant, scopes, keyId } = found;
  if (!(await isWithinLimit(c.env.KEY_LIMITER, keyId)))
    throw new Problem("rate_limited", { headers: { "Retry-After": String(RATE_LIMIT_RETRY_SECONDS) } });
  c.set("caller", { tenant, scopes, keyId });
  await next();
});

function logRejection(c: Context<AppEnv>, { reason, keyId }: Extract<KeyAnswer, { ok: false }>): void {
  log("warn", "key_rejected", { request_id: c.get("requestId"), reason, key_id: keyId });
}

/** Rejects a key without the scope (403). */
export function requireScope(scope: Scope) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { scopes, tenant, keyId } = c.get("caller");
    if (!scopes.includes(scope)) {
      log("warn", "forbidden", { request_id: c.get("requestId"), tenant, key_id: keyId, scope });
      throw new Problem("forbidden", { detail: `Use a key that has the scope ${scope}.` });
    }
    await next();
  });
}

/** If the limiter fails, requests pass: it guards against abuse and must not stop the service. */
async function isWithinLimit(limiter: RateLimit, keyId: string): Promise<boolean> {
  try {
    return (await limiter.limit({ key: keyId })).success;
  } catch (error) {
    log("warn", "limiter_failed", { key_id: keyId, error });
    return true;
  }
}
