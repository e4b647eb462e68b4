import { afterEach, beforeEach, describe, expect, type Mock, test, vi } from "vitest";
import { z } from "zod";
import { httpRequest } from "../../src/job-types/http-request.ts";
import { call, failureOf, fakeFetch, TARGET } from "../support/http-call.ts";
import { fakeJobContext } from "../support/job-context.ts";

const checkContext = { targetRules: { allowLocal: false, ownHosts: ["jobs.example.com"] } };
const KIB = 1024;

let fetched: Mock<typeof fetch>;
beforeEach(() => {
  fetched = fakeFetch();
});
afterEach(() => void vi.restoreAllMocks());

const accepts = (input: object) =>
  httpRequest.input.safeParse({ url: TARGET, method: "POST", ...input }).success;
const errorsOf = (input: object) => httpRequest.check?.(httpRequest.input.parse(input), checkContext);

describe("the input", () => {
  test("has an example that is valid, and a JSON Schema", () => {
    expect(accepts(httpRequest.example as object)).toBe(true);
    expect(z.toJSONSchema(httpRequest.input, { io: "input" })).toMatchObject({
      additionalProperties: false,
      required: ["url", "method"],
    });
  });

  test.each([
    { headers: { Accept: "*/*", "X-Own": "a\tb ~" } },
    { body: "" },
    { body: { a: [1, null] } },
    { body: [1, 2] },
    { body: "x".repeat(512 * KIB) },
    { timeout_ms: 1_000 },
    { timeout_ms: 120_000 },
  ])("accepts %.60j", (input) => expect(accepts(input)).toBe(true));

  test.each([
    { method: "get" },
    { method: "TRACE" },
    { method: "CONNECT" },
    { headers: { Host: "other" } },
    { headers: { "content-length": "1" } },
    { headers: { Connection: "close" } },
    { headers: { "Transfer-Encoding": "chunked" } },
    { headers: { "Proxy-Authorization": "x" } },
    { headers: { "CF-Connecting-IP": "127.0.0.1" } },
    { headers: { "X-Own": "a\r\nInjected: b" } },
    { headers: { "X-Own": "a\n" } },
    { headers: { "X-Own\r\nInjected": "b" } },
    { headers: { "X Own": "b" } },
    { headers: { "": "b" } },
    { headers: { "X-Own": "ü" } },
    { headers: { "X-Own": 1 } },
    { headers: { "X-Own": "1", "x-own": "2" } },
    { headers: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`x-${n}`, "1"])) },
    { body: 5 },
    { body: null },
    { body: "x".repeat(512 * KIB + 1) },
    { body: "ü".repeat(300 * KIB) },
    { body: { text: "x".repeat(512 * KIB) } },
    { timeout_ms: 999 },
    { timeout_ms: 120_001 },
    { retries: 3 },
  ])("refuses %.60j", (input) => expect(accepts(input)).toBe(false));

  test("may only name a public target", () => {
    expect(errorsOf({ url: TARGET, method: "GET" })).toEqual([]);
    for (const url of [
      "http://localhost/",
      "https://127.1/",
      "https://jobs.example.com/v1/jobs",
      "nonsense",
    ]) {
      expect(errorsOf({ url, method: "GET" })).toEqual([{ pointer: "/url", detail: expect.any(String) }]);
    }
  });

  test("has no body where the method has none", () => {
    expect(errorsOf({ url: TARGET, method: "GET", body: "x" })).toMatchObject([{ pointer: "/body" }]);
    expect(errorsOf({ url: TARGET, method: "HEAD", body: {} })).toMatchObject([{ pointer: "/body" }]);
    expect(errorsOf({ url: TARGET, method: "DELETE", body: "x" })).toEqual([]);
  });
});

describe("the request", () => {
  beforeEach(() => void fetched.mockImplementation(async () => new Response("")));

  async function sent(input: object) {
    const { job } = fakeJobContext();
    await call(input).ended;
    const [url, init] = fetched.mock.lastCall ?? [];
    return { job, url, init, headers: new Headers(init?.headers) };
  }

  test.each([
    ["GET", {}, ["traceparent", "user-agent", "via"]],
    ["POST", { body: { a: 1 } }, ["content-type", "idempotency-key", "traceparent", "user-agent", "via"]],
    [
      "PUT",
      { body: "x", headers: { "X-Own": "1" } },
      ["idempotency-key", "traceparent", "user-agent", "via", "x-own"],
    ],
  ])("%s %j → exactly the headers %j", async (method, rest, names) => {
    const { headers } = await sent({ method, ...rest });
    expect([...headers.keys()]).toEqual(names);
    expect([headers.get("user-agent"), headers.get("via")]).toEqual(["Accepted/1.0", "1.1 accepted"]);
  });

  test("passes the job's tracestate on, beside its traceparent only", async () => {
    const state = async (input: object) => {
      await call({ method: "GET", ...input }, { tracestate: "a=1" }).ended;
      return new Headers(fetched.mock.lastCall?.[1]?.headers).get("tracestate");
    };
    expect(await state({})).toBe("a=1");
    expect(await state({ headers: { tracestate: "b=2" } })).toBe("b=2");
    expect(await state({ headers: { traceparent: "t" } })).toBeNull();
  });

  test("carries method, headers and body, and follows no redirect", async () => {
    const { url, init, headers } = await sent({ method: "PUT", headers: { "X-Own": "1" }, body: "text" });
    expect(url).toBe(TARGET);
    expect(init).toMatchObject({ method: "PUT", body: "text", redirect: "manual" });
    expect(headers.get("x-own")).toBe("1");
    expect(headers.has("content-type")).toBe(false);
  });

  test("sends objects and arrays as JSON", async () => {
    const { init, headers } = await sent({ method: "POST", body: { a: [1] } });
    expect(init?.body).toBe('{"a":[1]}');
    expect(headers.get("content-type")).toBe("application/json");
    const given = await sent({
      method: "POST",
      body: [],
      headers: { "Content-Type": "application/vnd.x+json" },
    });
    expect(given.headers.get("content-type")).toBe("application/vnd.x+json");
  });

  test("tells the job's trace and, where an effect is asked for, the job's id as idempotency key", async () => {
    const post = await sent({ method: "POST" });
    expect(post.headers.get("traceparent")).toBe(post.job.traceparent);
    expect(post.headers.get("idempotency-key")).toBe(post.job.id);
    expect((await sent({ method: "GET" })).headers.has("idempotency-key")).toBe(false);
    const own = await sent({ method: "POST", headers: { Traceparent: "t", "IDEMPOTENCY-KEY": "k" } });
    expect(own.headers.get("traceparent")).toBe("t");
    expect(own.headers.get("idempotency-key")).toBe("k");
  });

  test("is not sent when the target is not, or no longer, allowed", async () => {
    const failure = await failureOf(call({ url: "http://localhost:1/" }).ended);
    expect(failure).toMatchObject({ kind: "invalid_input", code: "target_refused" });
    expect(fetched).not.toHaveBeenCalled();
    await call({ url: "http://localhost:1/" }, { targetRules: { allowLocal: true, ownHosts: [] } }).ended;
    expect(fetched).toHaveBeenCalledOnce();
  });

  test("is not sent by an attempt that no longer counts, if it asks for an effect", async () => {
    const stale = new Error("stale");
    const ensureCurrent = () => Promise.reject(stale);
    expect(await failureOf(call({ method: "POST" }, { ensureCurrent }).ended)).toBe(stale);
    expect(fetched).not.toHaveBeenCalled();
  });
});
