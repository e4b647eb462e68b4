/** Tenants over HTTP, as operators manage them, and what a tenant's settings do. */

import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { type Answer, type Call, call, refusal } from "../support/http.ts";
import { captureLog } from "../support/log.ts";

beforeEach(() => void captureLog());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const asAdmin = (method: string, path: string, options: Call = {}) =>
  call(method, path, { as: "admin", ...options });

type TenantJson = Record<string, unknown> & { id: string; version: number; status: string };
const tenantOf = (answer: Answer) => answer.body.data as TenantJson;

let made = 0;
/** A tenant of its own, and a key of it. The jobs of one that is called parked… are not run. */
async function newTenant(settings: object = {}, name = "parked") {
  made += 1;
  const id = `${name}-${made}`;
  expect((await asAdmin("PUT", `/v1/tenants/${id}`, { json: settings })).status).toBe(201);
  const scopes = ["jobs:read", "jobs:write", "files:write", "keys:write"];
  const created = await asAdmin("POST", `/v1/tenants/${id}/keys`, { json: { name: "own", scopes } });
  const { key } = created.body.data as { key: string };
  const ask = (method: string, path: string, options: Call = {}) =>
    call(method, path, {
      as: null,
      ...options,
      headers: { Authorization: `Bearer ${key}`, ...(options.headers as Record<string, string>) },
    });
  return { id, path: `/v1/tenants/${id}`, ask };
}
const simulated = { type: "test.simulate", input: {} };

describe("a tenant", () => {
  test("created, replaced, read → what is left out takes its default, and the version grows", async () => {
    const { path } = await newTenant({ name: "Acme Inc.", weight: 7, limits: { keys: 5 } });
    const first = await asAdmin("GET", path);
    expect(tenantOf(first)).toMatchObject({
      name: "Acme Inc.",
      status: "active",
      weight: 7,
      disabled: false,
      limits: { keys: 5, unfinished_jobs: 100_000 },
      retention_ms: null,
      file_retention_ms: 2_592_000_000,
      index: { period: "month", shards: 1 },
      version: 1,
    });
    expect(first.headers.get("ETag")).toBe('"1"');
    const replaced = await asAdmin("PUT", path, { json: {}, headers: { "If-Match": '"1"' } });
    expect([replaced.status, tenantOf(replaced)]).toMatchObject([200, { name: null, weight: 1, version: 2 }]);
    const late = await asAdmin("PUT", path, { json: {}, headers: { "If-Match": '"1"' } });
    expect(refusal(late)).toEqual([412, "precondition_failed"]);
  });

  test("listed → by name, in pages", async () => {
    for (const name of ["list-a", "list-b", "list-c"])
      await asAdmin("PUT", `/v1/tenants/${name}`, { json: {} });
    const first = await asAdmin("GET", "/v1/tenants?limit=2&cursor=list-");
    const names = ({ body }: Answer) => (body.data as TenantJson[]).map(({ id }) => id);
    const broken = await asAdmin("GET", "/v1/tenants?cursor=List%20A");
    expect(refusal(broken)).toEqual([400, "invalid_cursor"]);
    expect(names(first)).toEqual(["list-a", "list-b"]);
    const link = first.headers.get("Link") ?? "";
    expect(link).toBe('</v1/tenants?limit=2&cursor=list-b>; rel="next"');
    const second = await asAdmin("GET", "/v1/tenants?limit=2&cursor=list-b");
    expect(names(second)[0]).toBe("list-c");
  });

  test.each(["admin", "Acme", "-acme", "a".repeat(41), "a_b"])(
    "named %s → 404, and none is made",
    async (name) => {
      expect((await asAdmin("PUT", `/v1/tenants/${name}`, { json: {} })).status).toBe(404);
      expect((await asAdmin("GET", `/v1/tenants/${name}`)).status).toBe(404);
    },
  );

  test("asked about with a tenant's key → 403; a root key on a tenant's routes → 403", async () => {
    for (const path of ["/v1/tenants", "/v1/tenants/acme", "/v1/tenants/acme/keys"])
      expect(refusal(await call("GET", path))).toEqual([403, "forbidden"]);
    for (const path of ["/v1/jobs", "/v1/usage", "/v1/keys", "/v1/job-types"])
      expect(refusal(await asAdmin("GET", path))).toEqual([403, "forbidden"]);
    const me = (await asAdmin("GET", "/v1/me")).body.data;
    expect(me).toMatchObject({ tenant: null, key: { name: null, expires_at: null }, scopes: ["admin"] });
  });

  test("disabled → its keys get 403 within five seconds, and again 200 when it is enabled", async () => {
    const { path, ask } = await newTenant();
    expect((await ask("GET", "/v1/jobs")).status).toBe(200);
    await asAdmin("PUT", path, { json: { disabled: true } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    expect(refusal(await ask("GET", "/v1/jobs"))).toEqual([403, "tenant_disabled"]);
    await asAdmin("PUT", path, { json: {} });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    expect((await ask("GET", "/v1/jobs")).status).toBe(200);
  });

  test("its retention and index → those of the jobs accepted from then on", async () => {
    const { ask } = await newTenant({ retention_ms: 3_600_000, index: { period: "hour", shards: 2 } });
    const { job } = await ask("POST", "/v1/jobs", { json: simulated });
    const cancelled = (await ask("POST", `/v1/jobs/${job.id}/cancel`)).job;
    const kept = Date.parse(cancelled.purge_at ?? "") - Date.parse(cancelled.finished_at ?? "");
    expect(kept).toBe(3_600_000);
    await vi.waitFor(async () => {
      const { body } = await ask("GET", "/v1/jobs");
      expect((body.data as { id: string }[]).map(({ id }) => id)).toEqual([job.id]);
    });
  });
});

describe("a quota", () => {
  const wait = (path: string, ask: (method: string, path: string) => Promise<Answer>, used: object) =>
    vi.waitFor(async () => expect((await ask("GET", path)).body.data).toMatchObject(used), {
      timeout: 20_000,
      interval: 200,
    });

  test("unfinished_jobs used up → 429 by name, a repeated key is answered, and room is made by finishing", async () => {
    const { ask } = await newTenant({ limits: { unfinished_jobs: 1 } });
    const first = await ask("POST", "/v1/jobs", { json: simulated, headers: { "Idempotency-Key": "first" } });
    await wait("/v1/usage", ask, { unfinished_jobs: { used: 1, allowed: 1 } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    const refused = await ask("POST", "/v1/jobs", {
      json: simulated,
      headers: { "Idempotency-Key": "second" },
    });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("Retry-After")).toBe("10");
    expect(refused.problem).toMatchObject({
      code: "quota_exceeded",
      limit: "unfinished_jobs",
      allowed: 1,
      used: 1,
    });
    const again = await ask("POST", "/v1/jobs", { json: simulated, headers: { "Idempotency-Key": "first" } });
    expect([again.status, again.job.id]).toEqual([202, first.job.id]);
    await ask("POST", `/v1/jobs/${first.job.id}/cancel`);
    vi.useRealTimers();
    await wait("/v1/usage", ask, { unfinished_jobs: { used: 0, allowed: 1 }, stored_jobs: { used: 1 } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    const made = await ask("POST", "/v1/jobs", { json: simulated, headers: { "Idempotency-Key": "second" } });
    expect(made.status).toBe(202);
  });

  test("stored_bytes used up → 507 by name, and deleting makes room", async () => {
    const { ask } = await newTenant({ limits: { stored_bytes: 10 } });
    const file = await ask("POST", "/v1/files", { body: "12345678" });
    expect(file.status).toBe(201);
    await wait("/v1/usage", ask, { stored_bytes: { used: 8, allowed: 10 } });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    const refused = await ask("POST", "/v1/files", { body: "123", headers: { "Content-Length": "3" } });
    expect(refused.problem).toMatchObject({
      code: "storage_quota_exceeded",
      status: 507,
      limit: "stored_bytes",
      allowed: 10,
      used: 8,
    });
    await ask("DELETE", file.headers.get("Location") ?? "");
    vi.useRealTimers();
    await wait("/v1/usage", ask, { stored_bytes: { used: 0 } });
  });

  test("stored_jobs: finished, deleted → counted until then", async () => {
    const { ask } = await newTenant();
    const { job } = await ask("POST", "/v1/jobs", { json: simulated });
    await ask("POST", `/v1/jobs/${job.id}/cancel`);
    await wait("/v1/usage", ask, { stored_jobs: { used: 1 }, unfinished_jobs: { used: 0 } });
    expect((await ask("DELETE", `/v1/jobs/${job.id}`)).status).toBe(204);
    await wait("/v1/usage", ask, { stored_jobs: { used: 0 } });
  });
});

describe("erasing a tenant", () => {
  const classes = [
    ...["JOBS", "UNIQUE_KEYS", "JOB_INDEXES", "INDEX_DIRECTORIES", "FILE_RECORDS", "DATASETS", "TENANTS"],
  ] as (keyof Env)[];

  /** Every object that stores something with this text in it, whatever its class. */
  async function storesOf(text: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of classes) {
      const namespace = env[name] as DurableObjectNamespace;
      for (const id of await listDurableObjectIds(namespace)) {
        const stored = await runInDurableObject(namespace.get(id), (_, { storage }) => {
          const tables = storage.sql
            .exec<{ name: string }>(
              "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
            )
            .toArray();
          const rows = tables.flatMap((table) => storage.sql.exec(`SELECT * FROM ${table.name}`).toArray());
          return JSON.stringify([[...storage.kv.list()], rows]);
        });
        if (stored.includes(text)) found.push(`${name} ${id}`);
      }
    }
    return found;
  }

  test("jobs, files, a dataset, keys → everything is gone from every store, then the tenant is 404", async () => {
    const { id, path, ask } = await newTenant();
    const own = `"${id}"`;
    for (let count = 0; count < 3; count += 1) await ask("POST", "/v1/jobs", { json: simulated });
    const finished = await ask("POST", "/v1/jobs", { json: simulated, headers: { "Idempotency-Key": "k" } });
    await ask("POST", `/v1/jobs/${finished.job.id}/cancel`);
    expect((await ask("POST", "/v1/files", { body: "a,b\n1,2\n" })).status).toBe(201);
    await env.FILE_RECORDS.getByName(id);
    await vi.waitFor(async () => expect((await ask("GET", "/v1/jobs")).body.data).toHaveLength(4));
    expect((await storesOf(own)).length).toBeGreaterThan(6);

    expect((await asAdmin("DELETE", path)).status).toBe(202);
    expect(tenantOf(await asAdmin("GET", path)).status).toBe("erasing");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    expect(refusal(await ask("GET", "/v1/jobs"))).toEqual([403, "tenant_disabled"]);
    const tenant = env.TENANTS.getByName(id);
    for (let turn = 0; turn < 10; turn += 1) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
      await runDurableObjectAlarm(tenant);
    }
    expect((await asAdmin("GET", path)).status).toBe(404);
    expect(await storesOf(own)).toEqual([]);
    const { objects } = await env.FILES.list({ prefix: `${id}/` });
    expect(objects).toEqual([]);
  });
});

test("a tenant at its quota → another one's job is accepted", async () => {
  const full = await newTenant({ limits: { unfinished_jobs: 0 } });
  const other = await newTenant();
  const ask = ({ ask }: typeof full) => ask("POST", "/v1/jobs", { json: simulated });
  expect((await ask(full)).status).toBe(429);
  expect((await ask(other)).status).toBe(202);
});

test("datasets used up while a job runs → it fails as permission_denied, with storage_quota_exceeded", async () => {
  const { ask } = await newTenant({ limits: { datasets: 0 } }, "busy");
  const file = (await ask("POST", "/v1/files", { body: "a,b\n1,2\n" })).body.data as { id: string };
  const json = { type: "csv.import", input: { file: file.id, dataset: "orders" } };
  const { job } = await ask("POST", "/v1/jobs", { json, headers: { Prefer: "wait=20" } });
  expect(job).toMatchObject({
    status: "failed",
    attempt: 1,
    error: { kind: "permission_denied", code: "storage_quota_exceeded" },
  });
});
