/** The routes of webhooks: what was delivered and how that went, once more please, and the secret to verify with. */

import { Hono } from "hono";
import { tenantSecret } from "../../webhooks/sign.ts";
import type { AppEnv } from "../app-env.ts";
import { JOB_CACHE, jobStub } from "../jobs/job-stub.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readOptionalJson, validate } from "../request/body.ts";
import { RedeliverRequestSchema } from "./schemas.ts";

export function webhookRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/jobs/:id/deliveries", requireScope("jobs:read"), async (c) => {
    const deliveries = await jobStub(c).deliveries();
    if (!deliveries) throw new Problem("not_found");
    return c.json({ data: deliveries }, 200, { "Cache-Control": JOB_CACHE });
  });

  routes.post("/jobs/:id/deliveries/:delivery_id/redeliver", requireScope("jobs:write"), async (c) => {
    const job = jobStub(c);
    validate(RedeliverRequestSchema, await readOptionalJson(c));
    const delivery = await job.redeliver(c.req.param("delivery_id"));
    if (!delivery) throw new Problem("not_found");
    return c.json({ data: delivery }, 202, { "Cache-Control": JOB_CACHE });
  });

  routes.get("/webhook-secret", requireScope("jobs:write"), async (c) => {
    const { WEBHOOK_SECRET } = c.env;
    if (!WEBHOOK_SECRET)
      throw new Problem("not_found", { detail: "This deployment sends no webhooks, so there is no secret." });
    const secret = await tenantSecret(WEBHOOK_SECRET, c.get("caller").tenant);
    return c.json({ data: { secret } }, 200, { "Cache-Control": "no-store" });
  });

  return routes;
}
