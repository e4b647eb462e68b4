/** The routes of queues: what waits and runs in them, their limits, pauses and overrides. */

import { type Context, Hono } from "hono";
import { defaultQueueLimits } from "../../core/queue.ts";
import type { JobTypes } from "../../job-types/define.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import { declaredQueue, declaredQueues } from "../../rpc/declared-queues.ts";
import { type QueueChange, type QueueRef, type QueueState, queueObject } from "../../rpc/queue.ts";
import { tenantApi } from "../../rpc/tenant.ts";
import { formatTime } from "../../rpc/views.ts";
import type { SubmittableType } from "../../submission/type.ts";
import { allTypes } from "../../tenants/job-types.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readJson, readOptionalJson, validate } from "../request/body.ts";
import { parseIfMatch } from "../request/headers.ts";
import {
  limitsView,
  OverrideQueueRequestSchema,
  PauseQueueRequestSchema,
  PutQueueRequestSchema,
  QueueNameSchema,
  readLimits,
} from "./schemas.ts";

/** A queue of the path, and the types that name it. */
type FoundQueue = { ref: QueueRef; types: string[] };

export function queueRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();
  const mayRead = requireScope(["jobs:read", "admin"]);
  const mayWrite = requireScope(["queues:write", "admin"]);

  routes.get("/queues", mayRead, async (c) => {
    const found = await allQueues(c, types);
    const views = await Promise.all(found.map((queue) => readView(c, queue)));
    return c.json({ data: views }, 200, NO_STORE);
  });

  routes.get("/queues/:queue", mayRead, async (c) => {
    const view = await readView(c, await queueInPath(c, types));
    return c.json({ data: view }, 200, queueHeaders(view));
  });

  routes.put("/queues/:queue", mayWrite, (c) => putQueue(c, types));

  routes.delete("/queues/:queue", mayWrite, async (c) => {
    const { ref } = await queueInPath(c, types);
    if (ref.tenant === null) throw new Problem("built_in");
    const wasDeclared = await tenantApi(c.env, ref.tenant).removeQueue(ref.name);
    if (!wasDeclared) throw new Problem("not_found");
    await queueObject(c.env, ref).reset();
    return c.body(null, 204, NO_STORE);
  });

  routes.post("/queues/:queue/pause", mayWrite, async (c) => {
    const { reason = null } = validate(PauseQueueRequestSchema, await readOptionalJson(c));
    return changeQueue(c, types, { type: "pause", reason });
  });

  routes.post("/queues/:queue/resume", mayWrite, (c) => changeQueue(c, types, { type: "resume" }));

  routes.put("/queues/:queue/override", mayWrite, async (c) => {
    const request = validate(OverrideQueueRequestSchema, await readJson(c));
    const keys = Object.entries(request.keys ?? {}).map(([key, { concurrency }]) => [key, concurrency]);
    const override = {
      limits: readLimits(request.limits),
      keys: Object.fromEntries(keys) as Record<string, number>,
      expiresAt: now() + request.expires_in_ms,
    };
    return changeQueue(c, types, { type: "override", override });
  });

  routes.delete("/queues/:queue/override", mayWrite, async (c) => {
    await change(c, await queueInPath(c, types), { type: "end_override" });
    return c.body(null, 204, NO_STORE);
  });

  return routes;
}

async function putQueue(c: Context<AppEnv>, types: JobTypes): Promise<Response> {
  const name = queueNameInPath(c);
  const { limits } = validate(PutQueueRequestSchema, await readJson(c));
  if (declaredQueue(name)) throw new Problem("built_in");
  const { tenant } = c.get("caller");
  if (tenant === "") throw new Problem("forbidden", { detail: "Use a key of the tenant." });
  const ref = { tenant, name };
  const ifVersion = parseIfMatch(c.req.header("If-Match"));
  const isKnown = (await tenantApi(c.env, tenant).queues()).includes(name);
  if (ifVersion !== null && !isKnown) throw new Problem("precondition_failed");
  const added = await tenantApi(c.env, tenant).addQueue(name);
  if (added.kind === "quota_exceeded")
    throw new Problem("quota_exceeded", {
      detail: `The tenant has ${added.used} queues of ${added.allowed}. Delete one first.`,
      members: { limit: "queues", allowed: added.allowed, used: added.used },
    });
  const set: QueueChange = { type: "set_limits", limits: { ...defaultQueueLimits, ...readLimits(limits) } };
  const state = await queueObject(c.env, ref).change(set, ifVersion);
  if (!state) throw new Problem("precondition_failed");
  const all = await typesOf(c, types);
  const view = queueView({ ref, types: typesIn(all, ref) }, state);
  return c.json({ data: view }, added.kind === "added" ? 201 : 200, queueHeaders(view));
}

async function changeQueue(c: Context<AppEnv>, types: JobTypes, wanted: QueueChange): Promise<Response> {
  const found = await queueInPath(c, types);
  const view = queueView(found, await change(c, found, wanted));
  return c.json({ data: view }, 200, queueHeaders(view));
}

/** Only operators change what all tenants share. */
async function change(c: Context<AppEnv>, { ref }: FoundQueue, wanted: QueueChange): Promise<QueueState> {
  const { scopes, keyId, tenant } = c.get("caller");
  if (ref.tenant === null && !scopes.includes("admin"))
    throw new Problem("forbidden", { detail: "Only a root key may change a queue of the deployment." });
  const state = await queueObject(c.env, ref).change(wanted, parseIfMatch(c.req.header("If-Match")));
  if (!state) throw new Problem("precondition_failed");
  const fields = { request_id: c.get("requestId"), tenant, queue: ref.name, key_id: keyId };
  log("info", "queue_changed", { ...fields, change: wanted.type });
  return state;
}

/** The queues that the tenant declared, those that its types name, and those of the deployment. */
async function allQueues(c: Context<AppEnv>, types: JobTypes): Promise<FoundQueue[]> {
  const { tenant } = c.get("caller");
  const all = await typesOf(c, types);
  const own = tenant === "" ? [] : await tenantApi(c.env, tenant).queues();
  const named = all.flatMap(({ queue }) => (queue?.scope === "tenant" ? [queue.name] : []));
  const refs: QueueRef[] = [
    ...[...new Set([...own, ...named])].sort().map((name) => ({ tenant, name })),
    ...declaredQueues().map((name) => ({ tenant: null, name })),
  ];
  return refs.map((ref) => ({ ref, types: typesIn(all, ref) }));
}

async function typesOf(c: Context<AppEnv>, types: JobTypes): Promise<SubmittableType[]> {
  const { tenant } = c.get("caller");
  return allTypes(c.env, tenant, types);
}

function typesIn(all: readonly SubmittableType[], { tenant, name }: QueueRef): string[] {
  const scope = tenant === null ? "deployment" : "tenant";
  return all.filter(({ queue }) => queue?.name === name && queue.scope === scope).map(({ type }) => type);
}

async function queueInPath(c: Context<AppEnv>, types: JobTypes): Promise<FoundQueue> {
  const name = queueNameInPath(c);
  const found = (await allQueues(c, types)).find(({ ref }) => ref.name === name);
  if (!found) throw new Problem("not_found");
  return found;
}

function queueNameInPath(c: Context<AppEnv>): string {
  const name = QueueNameSchema.safeParse(c.req.param("queue"));
  if (!name.success) throw new Problem("not_found");
  return name.data;
}

/** A tenant sees only its own numbers. */
async function readView(c: Context<AppEnv>, found: FoundQueue) {
  const { tenant, scopes } = c.get("caller");
  const state = await queueObject(c.env, found.ref).read(scopes.includes("admin") ? null : tenant);
  return queueView(found, state);
}

type QueueView = ReturnType<typeof queueView>;

function queueHeaders({ version }: QueueView) {
  return { ...NO_STORE, ETag: `"${version}"` };
}

function queueView({ ref, types }: FoundQueue, state: QueueState) {
  const { override, paused, oldestEnteredAt } = state;
  const keys = Object.entries(override?.keys ?? {}).map(([key, concurrency]) => [key, { concurrency }]);
  return {
    name: ref.name,
    scope: ref.tenant === null ? "deployment" : "tenant",
    built_in: ref.tenant === null,
    types,
    limits: limitsView(state.limits),
    override: override && {
      limits: limitsView(override.limits),
      keys: Object.fromEntries(keys),
      expires_at: formatTime(override.expiresAt),
    },
    paused: paused && { paused_at: formatTime(paused.pausedAt), reason: paused.reason },
    waiting: state.waiting,
    running: state.running,
    oldest_entered_at: oldestEnteredAt === null ? null : formatTime(oldestEnteredAt),
    workers: state.workers.map(({ name, version, polledAt }) => ({
      name,
      version,
      polled_at: formatTime(polledAt),
    })),
    version: state.version,
  };
}
