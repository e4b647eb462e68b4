/** The routes of job types: those of the deployment, and those that the tenant declares. */

import { type Context, Hono } from "hono";
import { targetRules } from "../../env.ts";
import type { JobTypes } from "../../job-types/define.ts";
import { log } from "../../lib/log.ts";
import { checkTarget } from "../../lib/target.ts";
import { tenantApi } from "../../rpc/tenant.ts";
import { TypeDefinitionSchema } from "../../submission/declaration.ts";
import { declaredToSubmittable } from "../../submission/declared-type.ts";
import { nameSchema } from "../../submission/request.ts";
import type { SubmittableType } from "../../submission/type.ts";
import { allTypes, isReservedType, typeFinder } from "../../tenants/job-types.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { invalidRequest, readJson, validate } from "../request/body.ts";
import { parseIfMatch } from "../request/headers.ts";

/** A tenant's own types may change at any time. */
const JOB_TYPES_CACHE = { "Cache-Control": "private, no-cache" };

/** `reserved` has all types of the deployment, also those that no client may submit. */
export function jobTypeRoutes(types: JobTypes, reserved: JobTypes) {
  const routes = new Hono<AppEnv>();

  routes.get("/job-types", requireScope("jobs:read"), async (c) => {
    const all = await allTypes(c.env, c.get("caller").tenant, types);
    return c.json({ data: all.map(typeView) }, 200, JOB_TYPES_CACHE);
  });

  routes.get("/job-types/:type", requireScope("jobs:read"), async (c) => {
    const type = await typeFinder(c.env, c.get("caller").tenant, types)(c.req.param("type"));
    if (!type) throw new Problem("not_found");
    return c.json({ data: typeView(type) }, 200, { ...JOB_TYPES_CACHE, ETag: `"${type.version}"` });
  });

  routes.put("/job-types/:type", requireScope("types:write"), (c) => putType(c, reserved));

  routes.delete("/job-types/:type", requireScope("types:write"), async (c) => {
    const name = c.req.param("type");
    if (reserved.has(name)) throw new Problem("built_in");
    const ifVersion = parseIfMatch(c.req.header("If-Match"));
    const answer = await tenantApi(c.env, c.get("caller").tenant).deleteJobType(name, ifVersion);
    if (answer === "version_mismatch") throw new Problem("precondition_failed");
    if (answer === "not_found") throw new Problem("not_found");
    return c.body(null, 204, NO_STORE);
  });

  return routes;
}

async function putType(c: Context<AppEnv>, reserved: JobTypes): Promise<Response> {
  const name = c.req.param("type") ?? "";
  if (reserved.has(name)) throw new Problem("built_in");
  if (!nameSchema.safeParse(name).success)
    throw new Problem("invalid_request", {
      detail: "A type's name has 1 to 64 of a-z, 0-9, _ - . and begins with a letter.",
    });
  if (isReservedType(name))
    throw new Problem("invalid_request", { detail: "This name is reserved. Choose another one." });
  const definition = validate(TypeDefinitionSchema, await readJson(c));
  checkWake(c, definition.worker.wake?.url);
  const { tenant, keyId } = c.get("caller");
  const ifVersion = parseIfMatch(c.req.header("If-Match"));
  const answer = await tenantApi(c.env, tenant).putJobType(name, definition, ifVersion);
  switch (answer.kind) {
    case "version_mismatch":
      throw new Problem("precondition_failed");
    case "not_found":
      throw new Problem("tenant_disabled");
    case "quota_exceeded": {
      const { allowed, used } = answer;
      throw new Problem("quota_exceeded", {
        detail: `The tenant has ${used} job types of ${allowed}. Delete one first.`,
        members: { limit: "job_types", allowed, used },
      });
    }
    case "created":
    case "replaced": {
      const type = declaredToSubmittable(answer.declared);
      log("info", "type_declared", { request_id: c.get("requestId"), tenant, type: name, key_id: keyId });
      return c.json({ data: typeView(type) }, answer.kind === "created" ? 201 : 200, {
        ...NO_STORE,
        ETag: `"${type.version}"`,
      });
    }
  }
}

/** A wake call goes only where webhooks may go. */
function checkWake(c: Context<AppEnv>, url: string | undefined): void {
  if (url === undefined) return;
  const detail = checkTarget(url, targetRules(c.env, new URL(c.req.url).host));
  if (detail !== null) throw invalidRequest([{ pointer: "#/worker/wake/url", detail }]);
}

function typeView(type: SubmittableType) {
  const { limits, pointers } = type;
  return {
    type: type.type,
    description: type.description,
    input_schema: type.inputSchema,
    example: type.example,
    limits: {
      max_attempts: limits.maxAttempts,
      attempt_timeout_ms: limits.attemptTimeoutMs,
      heartbeat_timeout_ms: limits.heartbeatTimeoutMs,
      total_timeout_ms: limits.totalTimeoutMs,
      retention_ms: limits.retentionMs,
      ...(limits.leaseMs !== null && { lease_ms: limits.leaseMs }),
    },
    queue: type.queue?.name ?? null,
    concurrency_key: pointers.concurrencyKey,
    unique_key: pointers.uniqueKey,
    dedupe_window_ms: type.dedupeWindowMs,
    also_retry: type.alsoRetry,
    result_file: pointers.resultFile,
    worker: type.worker,
    built_in: type.builtIn,
    version: type.version,
  };
}
