/** The routes of tenants, for operators: create, change, list, erase. */

import { type Context, Hono } from "hono";
import { log } from "../../lib/log.ts";
import {
  defaultLimits,
  type Tenant,
  type TenantLimits,
  type TenantSettings,
  tenantApi,
} from "../../rpc/tenant.ts";
import { tenantDirectory } from "../../rpc/tenant-directory.ts";
import { formatTime } from "../../rpc/views.ts";
import { defaultSettings } from "../../tenants/settings.ts";
import type { AppEnv } from "../app-env.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readJson, validate } from "../request/body.ts";
import { parseIfMatch } from "../request/headers.ts";
import { readLimit } from "../request/query.ts";
import { PutTenantRequestSchema, TenantNameSchema } from "./schemas.ts";

export function tenantRoutes() {
  const routes = new Hono<AppEnv>();
  routes.get("/tenants", requireScope("admin"), listTenants);
  routes.get("/tenants/:tenant", requireScope("admin"), async (c) => {
    const tenant = await findById(c, nameInPath(c));
    if (!tenant) throw new Problem("not_found");
    return c.json({ data: tenantView(tenant) }, 200, tenantHeaders(tenant));
  });
  routes.put("/tenants/:tenant", requireScope("admin"), putTenant);
  routes.delete("/tenants/:tenant", requireScope("admin"), eraseTenant);
  return routes;
}

/** The cursor is the last name of the page before: names are no secret to operators. */
async function listTenants(c: Context<AppEnv>): Promise<Response> {
  const limit = readLimit(c.req.query("limit") ?? null);
  const after = c.req.query("cursor") ?? "";
  if (after !== "" && !TenantNameSchema.safeParse(after).success) throw new Problem("invalid_cursor");
  const names = await tenantDirectory(c.env).page(after, limit);
  const tenants = await Promise.all(names.map((name) => findById(c, name)));
  const last = names.length === limit ? (names.at(-1) ?? null) : null;
  const query = new URLSearchParams({ limit: String(limit), cursor: last ?? "" });
  return c.json(
    { data: tenants.flatMap((tenant) => (tenant ? [tenantView(tenant)] : [])), next_cursor: last },
    200,
    { "Cache-Control": "no-store", ...(last !== null && { Link: `</v1/tenants?${query}>; rel="next"` }) },
  );
}

async function putTenant(c: Context<AppEnv>): Promise<Response> {
  const id = nameInPath(c);
  const request = validate(PutTenantRequestSchema, await readJson(c));
  const settings: TenantSettings = {
    name: request.name ?? defaultSettings.name,
    weight: request.weight ?? defaultSettings.weight,
    disabled: request.disabled ?? defaultSettings.disabled,
    limits: { ...defaultLimits, ...(request.limits as Partial<TenantLimits>) },
    retentionMs: request.retention_ms ?? defaultSettings.retentionMs,
    fileRetentionMs: request.file_retention_ms ?? defaultSettings.fileRetentionMs,
    index: request.index ?? defaultSettings.index,
  };
  await tenantDirectory(c.env).add(id);
  const answer = await tenantApi(c.env, id).put(id, settings, parseIfMatch(c.req.header("If-Match")));
  switch (answer.kind) {
    case "version_mismatch":
      throw new Problem("precondition_failed");
    case "erasing":
      throw new Problem("tenant_disabled", {
        detail: "The tenant is being erased. Create it anew when it is gone.",
      });
    case "created":
    case "replaced": {
      const isNew = answer.kind === "created";
      log("info", isNew ? "tenant_created" : "tenant_replaced", {
        request_id: c.get("requestId"),
        tenant: id,
        by_key_id: c.get("caller").keyId,
      });
      return c.json({ data: tenantView(answer.tenant) }, isNew ? 201 : 200, tenantHeaders(answer.tenant));
    }
  }
}

async function eraseTenant(c: Context<AppEnv>): Promise<Response> {
  const id = nameInPath(c);
  const answer = await tenantApi(c.env, id).erase(parseIfMatch(c.req.header("If-Match")));
  if (answer === "not_found") throw new Problem("not_found");
  if (answer === "version_mismatch") throw new Problem("precondition_failed");
  log("warn", "tenant_erasing", {
    request_id: c.get("requestId"),
    tenant: id,
    by_key_id: c.get("caller").keyId,
  });
  const tenant = await findById(c, id);
  if (!tenant) throw new Problem("not_found");
  return c.json({ data: tenantView(tenant) }, 202, tenantHeaders(tenant));
}

/** A name that no tenant can have wakes no object. */
function nameInPath(c: Context<AppEnv>): string {
  const name = TenantNameSchema.safeParse(c.req.param("tenant"));
  if (name.success) return name.data;
  throw new Problem("not_found", {
    detail: `No tenant has this name. ${name.error.issues[0]?.message ?? ""}`,
  });
}

async function findById(c: Context<AppEnv>, id: string): Promise<Tenant | null> {
  return (await tenantApi(c.env, id).lookUp(null, null)).tenant;
}

function tenantHeaders({ version }: Tenant) {
  return { "Cache-Control": "no-store", ETag: `"${version}"` };
}

function tenantView({ id, settings, status, createdAt, version }: Tenant) {
  return {
    id,
    name: settings.name,
    status,
    weight: settings.weight,
    disabled: settings.disabled,
    limits: settings.limits,
    retention_ms: settings.retentionMs,
    file_retention_ms: settings.fileRetentionMs,
    index: settings.index,
    created_at: formatTime(createdAt),
    version,
  };
}
