/** Browser tokens: what they allow, and what no token allows. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { signToken } from "../../src/tenants/tokens.ts";
import { type Answer, type Call, call, refusal, submit } from "../support/http.ts";
import { captureLog, type LogRecord } from "../support/log.ts";

let logged: LogRecord[] = [];
beforeEach(() => {
  logged = captureLog();
});
afterEach(() => vi.restoreAllMocks());

type TokenJson = { token: string; allow: string[]; expires_at: string; links: { events: string } };

async function jobToken(id: string, allow: string[], fields: object = {}): Promise<TokenJson> {
  const made = await call("POST", `/v1/jobs/${id}/tokens`, { json: { allow, ...fields } });
  expect(made.status, made.text).toBe(201);
  return made.body.data as TokenJson;
}

async function uploadToken(fields: object = {}): Promise<string> {
  const made = await call("POST", "/v1/upload-tokens", { json: { max_size: 10, ...fields } });
  expect(made.status, made.text).toBe(201);
  return (made.body.data as TokenJson).token;
}

const bearing =
  (token: string) =>
  (method: string, path: string, options: Call = {}) =>
    call(method, path, {
      as: null,
      ...options,
      headers: { Authorization: `Bearer ${token}`, ...(options.headers as Record<string, string>) },
    });

describe("a job token", () => {
  test("read, events, result, cancel → each alone, on its job alone", async () => {
    const { id } = (await submit()).job;
    const other = (await submit()).job.id;
    const tries = {
      read: ["GET", ""],
      events: ["GET", "/events"],
      result: ["GET", "/result"],
      cancel: ["POST", "/cancel"],
    } as const;
    for (const allowed of Object.keys(tries) as (keyof typeof tries)[]) {
      const { token, allow } = await jobToken(id, [allowed]);
      expect(allow).toEqual([allowed]);
      const ask = bearing(token);
      for (const [name, [method, rest]] of Object.entries(tries)) {
        const { status } = await ask(method, `/v1/jobs/${id}${rest}`);
        if (name === allowed) expect(status).toBeLessThan(300);
        else expect(status).toBe(403);
      }
      const [method, rest] = tries[allowed];
      expect(refusal(await ask(method, `/v1/jobs/${other}${rest}`))).toEqual([404, "not_found"]);
    }
  });

  test("any other route → 403", async () => {
    const { id } = (await submit()).job;
    const ask = bearing((await jobToken(id, ["read", "events", "result", "cancel"])).token);
    for (const [method, path] of [
      ["GET", "/v1/jobs"],
      ["POST", "/v1/jobs"],
      ["DELETE", `/v1/jobs/${id}`],
      ["POST", `/v1/jobs/${id}/replay`],
      ["POST", `/v1/jobs/${id}/tokens`],
      ["GET", `/v1/jobs/${id}/deliveries`],
      ["POST", "/v1/files"],
      ["POST", "/v1/upload-tokens"],
      ["GET", "/v1/keys"],
      ["GET", "/v1/tenants"],
      ["GET", "/v1/usage"],
      ["GET", "/v1/me"],
    ] as const)
      expect(refusal(await ask(method, path)), path).toEqual([403, "forbidden"]);
  });

  test("in the URL → for events alone; never a key; and no referrer gives it away", async () => {
    const { id } = (await submit()).job;
    const { token, links } = await jobToken(id, ["read", "events"]);
    const answer = await call("GET", links.events, { as: null });
    expect([answer.status, answer.headers.get("Referrer-Policy")]).toEqual([200, "no-referrer"]);
    const elsewhere = await call("GET", `/v1/jobs/${id}?access_token=${token}`, { as: null });
    expect(elsewhere.status).toBe(401);
    const { keyOf } = await import("../support/keys.ts");
    const withKey = `/v1/jobs/${id}/events?access_token=${await keyOf("parked")}`;
    expect(refusal(await call("GET", withKey, { as: null }))).toEqual([401, "unauthenticated"]);
    expect(JSON.stringify(logged)).not.toContain(token.slice(-20));
  });

  test("swapped job, wider wish, flipped bit, another secret → 401", async () => {
    const { id } = (await submit()).job;
    const other = (await submit()).job.id;
    const { token } = await jobToken(id, ["read"]);
    const [body = "", mac] = token.slice("acpj_".length).split(".");
    const said = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")));
    const forge = (changes: object) =>
      `acpj_${btoa(JSON.stringify({ ...said, ...changes })).replaceAll("=", "")}.${mac}`;
    const forged = [
      forge({ jobId: other }),
      forge({ allow: ["read", "cancel"] }),
      forge({ expiresAt: said.expiresAt + 1 }),
      forge({ tenant: "globex" }),
      token.replace("acpj_", "acpu_"),
      `${token.slice(0, -2)}${token.at(-2) === "A" ? "B" : "A"}${token.at(-1)}`,
      token.slice(0, -1),
      await signToken(said, "another secret"),
      "acpj_",
      "acpj_.",
      `acpj_${"x".repeat(8_000)}`,
    ];
    for (const one of forged)
      expect(refusal(await bearing(one)("GET", `/v1/jobs/${id}`)), one).toEqual([401, "unauthenticated"]);
  });

  test("past its time → 401 token_expired; its job deleted → 404; its tenant disabled → 403", async () => {
    const { id } = (await submit()).job;
    const ask = bearing((await jobToken(id, ["read"])).token);
    const short = bearing((await jobToken(id, ["read"], { expires_in_ms: 1 })).token);
    await vi.waitFor(async () =>
      expect(refusal(await short("GET", `/v1/jobs/${id}`))).toEqual([401, "token_expired"]),
    );
    await call("POST", `/v1/jobs/${id}/cancel`);
    await call("DELETE", `/v1/jobs/${id}`);
    expect(refusal(await ask("GET", `/v1/jobs/${id}`))).toEqual([404, "not_found"]);
    const gone = { kind: "job", tenant: "not-here", jobId: id, allow: ["read"] } as const;
    const foreign = await signToken(
      { ...gone, allow: ["read"], expiresAt: Date.now() + 1_000 },
      env.SIGNING_SECRET,
    );
    expect((await bearing(foreign)("GET", `/v1/jobs/${id}`)).status).toBe(401);
  });

  test("asked for with the submission → beside the job, repeated with a repeated key", async () => {
    const json = { type: "test.simulate", input: {}, token: { allow: ["read"] } };
    const options = { json, headers: { "Idempotency-Key": crypto.randomUUID() } };
    for (const status of [202, 202]) {
      const answer = await call("POST", "/v1/jobs", options);
      expect(answer.status).toBe(status);
      const { token } = answer.body as unknown as { token: TokenJson };
      const read = await bearing(token.token)("GET", `/v1/jobs/${answer.job.id}`);
      expect(read.job.id).toBe(answer.job.id);
    }
  });

  test.each([
    [{ allow: [] }, "#/allow"],
    [{ allow: ["write"] }, "#/allow/0"],
    [{ allow: ["read"], expires_in_ms: 86_400_001 }, "#/expires_in_ms"],
  ])("%j → 422, and the pointer", async (json, pointer) => {
    const { id } = (await submit()).job;
    const answer = await call("POST", `/v1/jobs/${id}/tokens`, { json });
    expect(answer.problem.errors?.map((error) => error.pointer)).toContain(pointer);
  });
});

describe("an upload token", () => {
  const send = (token: string, body: string, type = "text/csv"): Promise<Answer> =>
    bearing(token)("POST", "/v1/files", { body, headers: { "Content-Type": type } });

  test("one upload → stored for the tenant; a second one → 401 token_expired", async () => {
    const token = await uploadToken();
    const first = await send(token, "a,b");
    expect(first.status, first.text).toBe(201);
    expect((await call("GET", first.headers.get("Location") ?? "")).text).toBe("a,b");
    expect(refusal(await send(token, "a,b"))).toEqual([401, "token_expired"]);
  });

  test("too large → 413 and another try is possible; another type → 403; another route → 403", async () => {
    const token = await uploadToken({ content_types: ["text/csv"] });
    expect(refusal(await send(token, "12345678901"))).toEqual([413, "payload_too_large"]);
    expect(refusal(await send(token, "1", "image/png"))).toEqual([403, "forbidden"]);
    expect(refusal(await bearing(token)("GET", "/v1/jobs"))).toEqual([403, "forbidden"]);
    expect((await send(token, "1234567890", "text/csv; charset=utf-8")).status).toBe(201);
  });
});
