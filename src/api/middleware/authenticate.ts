/** Authenticates a request by its API key, checks the scope of the route, and limits the rate. */

import { createMiddleware } from "hono/factory";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";
import { findKey, type Scope } from "./keys.ts";

/** Credentials as RFC 6750 section 2.1 has them; the scheme's case does not matter (RFC 9110 section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** The rate limit counts by minute; a tenth of it is a fair wait. */
const RATE_LIMIT_RETRY_SECONDS = 6;

/** Finds the caller by the key or returns 401. Counts the request against the key's limit or returns 429. */
export const authenticate = createMiddleware<AppEnv>(async (c, next) => {
  const [, token] = c.req.header("Authorization")?.match(BEARER) ?? [];
  const found = token === undefined ? null : await findKey(c.env.API_KEYS, token, now());
  if (!found?.ok) {
    const challenge = found ? 'Bearer error="invalid_token"' : "Bearer";
    throw new Problem("unauthenticated", { headers: { "WWW-Authenticate": challenge } });
  }
  const { tenant, scopes, keyId } = found;
  if (!(await isWithinLimit(c.env.KEY_LIMITER, keyId)))
    throw new Problem("rate_limited", { headers: { "Retry-After": String(RATE_LIMIT_RETRY_SECONDS) } });
  c.set("caller", { tenant, scopes, keyId });
  await next();
});

/** Rejects a key without the scope (403). */
export function requireScope(scope: Scope) {
  return createMiddleware<AppEnv>(async (c, next) => {
    if (!c.get("caller").scopes.includes(scope)) {
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
