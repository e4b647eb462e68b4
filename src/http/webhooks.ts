/** The routes of webhooks: what was delivered and how that went, once more please, and the secret to verify with. */

import { Hono } from "hono";
import { tenantSecret } from "../webhooks/sign.ts";
import type { AppEnv } from "./app-env.ts";
import { requires } from "./auth.ts";
import { readOptionalJson, validate } from "./body.ts";
import { JOB_CACHE, jobAt } from "./job-path.ts";
import { Problem } from "./problems.ts";
import { RedeliverRequest } from "./schemas.ts";

export function webhookRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/jobs/:id/deliveries", requires("jobs:read"), async (c) => {
    const deliveries = await (await jobAt(c)).deliveries();
    if (!deliveries) throw new Problem("not_found");
    return c.json({ data: deliveries }, 200, { "Cache-Control": JOB_CACHE });
  });

  routes.post("/jobs/:id/deliveries/:delivery_id/redeliver", requires("jobs:write"), async (c) => {
    const job = await jobAt(c);
    validate(RedeliverRequest, await readOptionalJson(c));
    const delivery = await job.redeliver(c.req.param("delivery_id"));
    if (!delivery) throw new Problem("not_found");
    return c.json({ data: delivery }, 202, { "Cache-Control": JOB_CACHE });
  });

  routes.get("/webhook-secret", requires("jobs:write"), async (c) => {
    const { WEBHOOK_SECRET } = c.env;
    if (!WEBHOOK_SECRET)
      throw new Problem("not_found", { detail: "This deployment sends no webhooks, so there is no secret." });
    const secret = await tenantSecret(WEBHOOK_SECRET, c.get("caller").tenant);
    return c.json({ data: { secret } }, 200, { "Cache-Control": "no-store" });
  });

  return routes;
}
