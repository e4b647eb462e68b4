/** What a caller may know of itself: whose key it is, and what its tenant uses. */

import { Hono } from "hono";
import { defaultLimits, type LimitName, tenantApi } from "../../rpc/tenant.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";

export function accountRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/me", (c) => {
    const { state, key, keyId, scopes, token } = c.get("caller");
    if (token) throw new Problem("forbidden", { detail: "This token does not allow it." });
    const expiresAt = key?.expiresAt ?? null;
    return c.json(
      {
        data: {
          tenant: state?.id ?? null,
          key: {
            id: keyId,
            name: key?.name ?? null,
            expires_at: expiresAt === null ? null : formatTime(expiresAt),
          },
          scopes,
        },
      },
      200,
      NO_STORE,
    );
  });

  routes.get("/usage", requireScope("jobs:read"), async (c) => {
    const { tenant, used } = await tenantApi(c.env, c.get("caller").tenant).lookUp(null, null);
    const names = Object.keys(defaultLimits) as LimitName[];
    const allowed = tenant?.settings.limits ?? defaultLimits;
    const data = Object.fromEntries(
      names.map((name) => [name, { used: used[name], allowed: allowed[name] }] as const),
    );
    return c.json({ data }, 200, NO_STORE);
  });

  return routes;
}
