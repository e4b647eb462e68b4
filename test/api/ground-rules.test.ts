import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { Document } from "../../conformance/document.ts";
import { makeKey, newKeyId } from "../../src/lib/key.ts";
import { randomBytes } from "../../src/lib/runtime.ts";
import { call, ORIGIN, openApi, refusal, submit } from "../support/http.ts";
import { keyOf } from "../support/keys.ts";
import { succeed } from "../support/moves.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

type Route = { path: string; methods: string[]; isPublic: boolean };

/** Every path of the document, with ids that exist in it, and the methods it has. */
let routes: Route[] = [];
let finishedId = "";

beforeAll(async () => {
  const { job } = await submit();
  finishedId = job.id;
  await succeed(job.id);
  const file = await call("POST", "/v1/files", { body: "x", headers: { "Content-Type": "text/plain" } });
  const values: Record<string, string> = { type: "test.simulate", code: "not_found" };
  const fileId = (file.body.data as { id: string }).id;
  const document: Document = await openApi();
  routes = Object.entries(document.paths).map(([template, operations]) => ({
    path: template
      .replace("/files/{id}", `/files/${fileId}`)
      .replace("{id}", job.id)
      .replace(/\{(\w+)\}/, (_, name: string) => values[name] ?? name),
    methods: Object.keys(operations).flatMap((verb) =>
      verb === "get" ? ["GET", "HEAD"] : [verb.toUpperCase()],
    ),
    isPublic: Object.values(operations).every(({ security }) => security?.length === 0),
  }));
  expect(routes.length).toBeGreaterThan(10);
});

describe("a method that a path does not have", () => {
  test("is answered with 405 and those that it has", async () => {
    for (const { path, methods } of routes) {
      for (const method of METHODS.filter((name) => !methods.includes(name))) {
        const answer = await call(method, path);
        expect(answer.status, `${method} ${path}`).toBe(405);
        expect(answer.headers.get("Allow")?.split(", ").sort(), path).toEqual(methods.toSorted());
      }
    }
  });

  test("needs no key where no other method does", async () => {
    for (const { path } of routes.filter(({ isPublic }) => isPublic)) {
      expect((await call("DELETE", path, { as: null })).status, path).toBe(405);
    }
  });

  test("is not had by paths that do not exist", async () => {
    for (const path of [
      "/v1",
      "/v1/",
      "/v1/jobs/",
      "/v2/jobs",
      "/V1/jobs",
      "//v1/jobs",
      `/v1/jobs/${finishedId}/`,
      `/v1/jobs/${finishedId}/nothing`,
    ]) {
      for (const method of METHODS) expect((await call(method, path)).status, `${method} ${path}`).toBe(404);
    }
  });
});

describe("a key", () => {
  test("is asked for before it is said what there is", async () => {
    for (const path of ["/v1/none", "/v1/jobs/none", "/v1/job-types/none", `/v1/jobs/${finishedId}`]) {
      expect(refusal(await call("GET", path, { as: null }))).toEqual([401, "unauthenticated"]);
    }
  });

  /** The scope that section 11 of the contract asks for. */
  function scopeOf(method: string, path: string): string {
    if (path.startsWith("/v1/tenants")) return "admin";
    if (/^\/v1\/(keys|webhook-secret\/rotate)/.test(path)) return "keys:write";
    if (/\/attempts\//.test(path)) return "attempt token";
    if (path === "/v1/claims") return "jobs:work";
    if (path === "/v1/webhook-secret") return "jobs:write";
    if (["GET", "HEAD"].includes(method)) return "jobs:read";
    if (path.startsWith("/v1/job-types")) return "types:write";
    if (path.startsWith("/v1/queues")) return "queues:write";
    return /^\/v1\/(files|datasets|uploads|upload-tokens)/.test(path) ? "files:write" : "jobs:write";
  }

  test("without the scope of a route → 403, which names it; /v1/me needs none", async () => {
    for (const { path, methods } of routes.filter(({ isPublic }) => !isPublic)) {
      for (const method of methods) {
        const scope = scopeOf(method, path);
        const answer = await call(method, path, {
          as: scope === "jobs:read" ? "parkedWriter" : "parkedReader",
        });
        expect(answer.status, `${method} ${path}`).toBe(path === "/v1/me" ? 200 : 403);
        if (method !== "HEAD" && path !== "/v1/me") expect(answer.problem.detail).toContain(scope);
      }
    }
  });

  test("that is no good is refused", async () => {
    const key = await keyOf("parked");
    const bad = [
      "",
      "Bearer",
      `Bearer${key}`,
      key,
      `Basic ${btoa(`${key}:`)}`,
      `Token ${key}`,
      `Bearer "${key}"`,
      `Bearer ${key},`,
      `Bearer ${key} ${key}`,
      `Bearer ${key}x`,
      `Bearer ${key.slice(0, -1)}`,
      `Bearer ${key.toUpperCase()}`,
      `Bearer ${await makeKey({ owner: "parked", id: newKeyId() }, randomBytes(32), env.SIGNING_SECRET)}`,
      `Bearer ${await keyOf("expired")}`,
      `Bearer ${"x".repeat(8_000)}`,
      "Bearer null",
    ];
    for (const Authorization of bad) {
      const answer = await call("GET", `/v1/jobs/${finishedId}`, { as: null, headers: { Authorization } });
      expect(refusal(answer), Authorization).toEqual([401, "unauthenticated"]);
    }
    const twice: [string, string][] = [1, 2].map(() => ["Authorization", `Bearer ${key}`]);
    expect((await call("GET", `/v1/jobs/${finishedId}`, { as: null, headers: twice })).status).toBe(401);
  });
});

describe("the service", () => {
  test("describes itself under the origin it is asked at", async () => {
    const answer = await call("GET", "/openapi.json", { as: null });
    expect(answer.body).toMatchObject({ openapi: "3.1.0", servers: [{ url: ORIGIN }] });
  });

  test("gives every request an id of its own", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("GET", "/v1/health")));
    expect(new Set(answers.map(({ headers }) => headers.get("Request-Id"))).size).toBe(20);
  });
});
