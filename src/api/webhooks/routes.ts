/** The routes of webhooks: what was delivered and how that went, once more please, and the secret to verify with. */

import { type Context, Hono } from "hono";
import { log } from "../../lib/log.ts";
import { tenantApi, type WebhookGeneration } from "../../rpc/tenant.ts";
import { formatTime } from "../../rpc/views.ts";
import { signingGenerations, tenantSecret } from "../../webhooks/sign.ts";
import type { AppEnv } from "../app-env.ts";
import { JOB_CACHE, jobStub } from "../jobs/job-stub.ts";
import { OVERLAP_DEFAULT_MS } from "../keys/schemas.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readOptionalJson, validate } from "../request/body.ts";
import { RedeliverRequestSchema, RotateSecretRequestSchema } from "./schemas.ts";

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
    const { tenant } = await tenantApi(c.env, c.get("caller").tenant).lookUp(null, null);
    return respondSecret(c, tenant?.webhook ?? null);
  });

  routes.post("/webhook-secret/rotate", requireScope("keys:write"), async (c) => {
    const { overlap_ms } = validate(RotateSecretRequestSchema, await readOptionalJson(c));
    const { tenant, keyId } = c.get("caller");
    readMaster(c);
    const rotated = await tenantApi(c.env, tenant).rotateWebhookSecret(overlap_ms ?? OVERLAP_DEFAULT_MS);
    log("info", "webhook_secret_rotated", { request_id: c.get("requestId"), tenant, by_key_id: keyId });
    return respondSecret(c, rotated);
  });

  return routes;
}

async function respondSecret(c: Context<AppEnv>, webhook: WebhookGeneration | null): Promise<Response> {
  const master = readMaster(c);
  if (!webhook) throw new Problem("not_found");
  const [generation = 1, previous] = signingGenerations(webhook);
  const secret = await tenantSecret(master, c.get("caller").tenant, generation);
  const endsAt = previous === undefined ? null : webhook.previousExpiresAt;
  const data = { secret, previous_expires_at: endsAt === null ? null : formatTime(endsAt) };
  return c.json({ data }, 200, { "Cache-Control": "no-store" });
}

function readMaster({ env }: Context<AppEnv>): string {
  if (env.WEBHOOK_SECRET) return env.WEBHOOK_SECRET;
  throw new Problem("not_found", { detail: "This deployment sends no webhooks, so there is no secret." });
}
