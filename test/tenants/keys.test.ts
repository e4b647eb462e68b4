/** The keys of tenants over HTTP: made, used, rotated, revoked. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { tenantApi } from "../../src/rpc/tenant.ts";
import { type Answer, call, callWith, refusal } from "../support/http.ts";
import { captureLog, type LogRecord } from "../support/log.ts";

type KeyJson = {
  id: string;
  key: string;
  name: string;
  scopes: string[];
  expires_at: string | null;
  last_used_on: string | null;
};

const FIVE_SECONDS = 5_000;
let logged: LogRecord[] = [];
beforeEach(() => {
  logged = captureLog();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const dataOf = <T = KeyJson>(answer: Answer) => answer.body.data as T;

async function createKey(fields: object = {}, path = "/v1/keys", as: "parked" | "admin" = "parked") {
  const json = { name: "a key", scopes: ["jobs:read"], ...fields };
  const answer = await call("POST", path, { as, json });
  expect(answer.status, answer.text).toBe(201);
  return { ...dataOf(answer), location: answer.headers.get("Location") };
}

const use = (key: string, path = "/v1/me") =>
  call("GET", path, { as: null, headers: { Authorization: `Bearer ${key}` } });

/** Moves the clock, by which isolates forget what they looked up. */
function pass(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

describe("a key", () => {
  test("made → shown once, valid at once, and says whose it is", async () => {
    const made = await createKey({ name: "shop", scopes: ["jobs:read", "jobs:write"] });
    expect(made).toMatchObject({ name: "shop", expires_at: null, last_used_on: null });
    expect(made.key).toMatch(/^acpt_parked_[0-9A-Za-z]{12}_[0-9A-Za-z]{42}$/);
    expect(made.location).toBe(`/v1/keys/${made.id}`);
    expect(dataOf(await use(made.key))).toEqual({
      tenant: "parked",
      key: { id: made.id, name: "shop", expires_at: null },
      scopes: ["jobs:read", "jobs:write"],
    });
    const read = await call("GET", `/v1/keys/${made.id}`);
    expect(dataOf(read)).toMatchObject({ id: made.id, last_used_on: new Date().toISOString().slice(0, 10) });
    const list = await call("GET", "/v1/keys");
    expect(dataOf<KeyJson[]>(list).map(({ id }) => id)).toContain(made.id);
    for (const { text } of [read, list]) expect(text).not.toContain(made.key.slice(-42));
    expect(JSON.stringify(logged)).not.toContain(made.key.slice(-42));
    expect(logged).toContainEqual(expect.objectContaining({ event: "key_created", key_id: made.id }));
  });

  test("used twice a day → its last use is written once", async () => {
    const { key, id } = await createKey();
    const written = () =>
      tenantApi(env, "parked")
        .keys()
        .then((keys) => keys.find((one) => one.id === id)?.lastUsedOn);
    await use(key);
    const today = await written();
    pass(FIVE_SECONDS);
    await use(key);
    expect(await written()).toBe(today);
    pass(86_400_000);
    await use(key);
    expect(await written()).not.toBe(today);
  });

  test("revoked → refused once the isolate has looked it up again, within five seconds", async () => {
    const { key, id } = await createKey();
    expect((await use(key)).status).toBe(200);
    expect((await call("DELETE", `/v1/keys/${id}`)).status).toBe(204);
    expect((await call("DELETE", `/v1/keys/${id}`)).status).toBe(404);
    pass(FIVE_SECONDS);
    const refused = await use(key);
    expect(refusal(refused)).toEqual([401, "unauthenticated"]);
    expect(logged).toContainEqual(
      expect.objectContaining({ event: "key_rejected", reason: "unknown", key_id: id }),
    );
  });

  test("rotated → the new one has its name and scopes, and both are valid during the overlap", async () => {
    const old = await createKey({ name: "rotating" });
    await use(old.key);
    const answer = await call("POST", `/v1/keys/${old.id}/rotate`, { json: { overlap_ms: 60_000 } });
    expect(answer.status).toBe(201);
    const next = dataOf(answer);
    expect(next).toMatchObject({ name: "rotating", scopes: ["jobs:read"], expires_at: null });
    for (const { key } of [old, next]) expect((await use(key)).status).toBe(200);
    pass(60_000);
    expect(refusal(await use(old.key))).toEqual([401, "unauthenticated"]);
    expect((await use(next.key)).status).toBe(200);
  });

  test("rotated without an overlap → the old one ends at once", async () => {
    const old = await createKey();
    await call("POST", `/v1/keys/${old.id}/rotate`, { json: { overlap_ms: 0 } });
    expect((await use(old.key)).status).toBe(401);
  });

  test("expiring → valid until then, and not at that moment", async () => {
    const at = Date.now() + 60_000;
    const { key } = await createKey({ expires_at: new Date(at).toISOString() });
    expect((await use(key)).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: at - 1 });
    expect((await use(key)).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: at });
    expect((await use(key)).status).toBe(401);
  });

  test.each([
    [{ scopes: [] }, "#/scopes"],
    [{ scopes: ["admin"] }, "#/scopes/0"],
    [{ scopes: ["jobs:read", "jobs:read"] }, "#/scopes"],
    [{ name: "" }, "#/name"],
    [{ expires_at: "2020-01-01T00:00:00Z" }, "#/expires_at"],
    [{ expires_at: "tomorrow" }, "#/expires_at"],
    [{ tenant: "globex" }, "#/tenant"],
  ])("%j → 422, and the pointer", async (fields, pointer) => {
    const json = { name: "a key", scopes: ["jobs:read"], ...fields };
    const answer = await call("POST", "/v1/keys", { json });
    expect(answer.status).toBe(422);
    expect(answer.problem.errors?.map((error) => error.pointer)).toContain(pointer);
  });

  test("without a scope → cannot grant it, neither to a new key nor by rotating one", async () => {
    const { key } = await createKey({ scopes: ["keys:write"] });
    const wide = await createKey({ scopes: ["jobs:write"] });
    const headers = { Authorization: `Bearer ${key}` };
    const made = await call("POST", "/v1/keys", {
      as: null,
      headers,
      json: { name: "x", scopes: ["jobs:write"] },
    });
    const rotated = await call("POST", `/v1/keys/${wide.id}/rotate`, { as: null, headers });
    for (const answer of [made, rotated]) expect(refusal(answer)).toEqual([403, "forbidden"]);
  });

  test("of another tenant → 404, and a key without keys:write → 403", async () => {
    const { id } = await createKey();
    for (const [method, path] of [
      ["GET", `/v1/keys/${id}`],
      ["DELETE", `/v1/keys/${id}`],
      ["POST", `/v1/keys/${id}/rotate`],
    ] as const) {
      expect(refusal(await call(method, path, { as: "globex" }))).toEqual([404, "not_found"]);
      expect(refusal(await call(method, path, { as: "parkedReader" }))).toEqual([403, "forbidden"]);
    }
  });

  test("beyond the quota → 429 by name", async () => {
    const tenant = "few-keys";
    const path = `/v1/tenants/${tenant}`;
    await call("PUT", path, { as: "admin", json: { limits: { keys: 1 } } });
    await createKey({}, `${path}/keys`, "admin");
    const answer = await call("POST", `${path}/keys`, {
      as: "admin",
      json: { name: "more", scopes: ["jobs:read"] },
    });
    expect(answer.status).toBe(429);
    expect(answer.problem).toMatchObject({ code: "quota_exceeded", limit: "keys", allowed: 1, used: 1 });
  });
});

describe("checking a key", () => {
  test("garbage → refused without a look-up", async () => {
    const asked: string[] = [];
    const TENANTS = { getByName: (name: string) => void asked.push(name) };
    const { key } = await createKey();
    for (const text of ["x", key.slice(0, -1), `${key.slice(0, -1)}-`, key.replace("parked", "globex")]) {
      const headers = { Authorization: `Bearer ${text}` };
      expect((await callWith({ TENANTS }, "GET", "/v1/me", { as: null, headers })).status).toBe(401);
    }
    expect(asked).toEqual([]);
  });

  test("many requests → one look-up in five seconds, of a key that is not found as well", async () => {
    let lookUps = 0;
    const TENANTS = {
      getByName: () => ({
        async lookUp() {
          lookUps += 1;
          return { tenant: null, key: null, used: {} };
        },
      }),
    };
    const { createApp } = await import("../../src/app.ts");
    const app = createApp(new Map());
    const bindings = { ...env, TENANTS } as unknown as typeof env;
    const { key } = await createKey();
    const ask = () =>
      app.request("https://accepted.test/v1/me", { headers: { Authorization: `Bearer ${key}` } }, bindings);
    await ask();
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(401));
    expect(lookUps).toBe(1);
    pass(FIVE_SECONDS - 500);
    await Promise.all(Array.from({ length: 20 }, ask));
    expect(lookUps, "one request renews what the others still use").toBe(2);
    pass(FIVE_SECONDS);
    await ask();
    expect(lookUps).toBe(3);
  });

  test("too many requests without a valid key → 429, for that address alone", async () => {
    const ADDRESS_LIMITER = { limit: async ({ key }: { key: string }) => ({ success: key !== "192.0.2.1" }) };
    const from = (address: string) =>
      callWith({ ADDRESS_LIMITER }, "GET", "/v1/me", { as: null, headers: { "CF-Connecting-IP": address } });
    expect(refusal(await from("192.0.2.1"))).toEqual([429, "rate_limited"]);
    expect(refusal(await from("192.0.2.2"))).toEqual([401, "unauthenticated"]);
  });
});
