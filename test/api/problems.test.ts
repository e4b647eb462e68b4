import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ProblemCode, problemKinds } from "../../src/api/problems.ts";
import { StalledStream } from "../../src/lib/request-chunks.ts";
import { defaultLimits, type TenantSettings, tenantApi } from "../../src/rpc/tenant.ts";
import { type Answer, call, callWith, freshKey, jobNow, refusal, submit } from "../support/http.ts";
import { jobsWith } from "../support/job-namespace.ts";
import { captureLog, type LogRecord } from "../support/log.ts";
import { succeed } from "../support/moves.ts";
import { callAttempt, declareQueue, startRemote } from "../support/remote.ts";

let logged: LogRecord[] = [];
beforeEach(() => {
  logged = captureLog();
});
afterEach(() => vi.restoreAllMocks());

const simulated = { type: "test.simulate", input: {} };
const finishedJob = async () => {
  const { job } = await submit();
  await succeed(job.id);
  return job.id;
};

async function beginUpload(): Promise<string> {
  const begun = await call("POST", "/v1/uploads", { json: { content_type: "video/mp4" } });
  return begun.headers.get("Location") ?? "";
}

const SECRET = "SELECT secret FROM vault at /srv/app/src/vault.ts:12";

/** Job objects that fail with this error, whatever they are asked. */
function brokenJobs(error: Error) {
  const fail = () => Promise.reject(error);
  return { JOBS: jobsWith(() => new Proxy({}, { get: () => fail })) };
}
const passing = (mark: object) => Object.assign(new Error(SECRET), mark);

/** The object of the callers' tenant, with these settings. */
async function limitedTenant(settings: Partial<TenantSettings>) {
  const { tenant, used } = await tenantApi(env, "parked").lookUp(null, null);
  const status = settings.disabled ? "disabled" : "active";
  const changed = tenant && { ...tenant, status, settings: { ...tenant.settings, ...settings } };
  const [key] = (await tenantApi(env, "parked").keys()).filter(({ name }) => name === "parked");
  return { TENANTS: { getByName: () => ({ lookUp: async () => ({ tenant: changed, key, used }) }) } };
}

/** How each code is brought about. */
const occasions: Record<ProblemCode, () => Promise<Answer>> = {
  malformed_request: () =>
    call("POST", "/v1/jobs", { body: "{", headers: { "Content-Type": "application/json" } }),
  invalid_idempotency_key: () =>
    call("POST", "/v1/jobs", { json: simulated, headers: { "Idempotency-Key": "a b" } }),
  invalid_cursor: () => call("GET", "/v1/jobs?cursor=none"),
  unauthenticated: () => call("GET", "/v1/job-types", { as: null }),
  token_expired: async () => {
    const path = `/v1/jobs/${(await submit()).job.id}`;
    const made = await call("POST", `${path}/tokens`, { json: { allow: ["read"], expires_in_ms: 1 } });
    const { token } = made.body.data as { token: string };
    return vi.waitFor(async () => {
      const answer = await call("GET", path, { as: null, headers: { Authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(401);
      return answer;
    });
  },
  tenant_disabled: async () => callWith(await limitedTenant({ disabled: true }), "GET", "/v1/jobs"),
  quota_exceeded: async () =>
    callWith(await limitedTenant({ limits: { ...defaultLimits, unfinished_jobs: 0 } }), "POST", "/v1/jobs", {
      json: simulated,
    }),
  storage_quota_exceeded: async () =>
    callWith(await limitedTenant({ limits: { ...defaultLimits, stored_jobs: 0 } }), "POST", "/v1/jobs", {
      json: simulated,
    }),
  forbidden: () => call("POST", "/v1/jobs", { json: simulated, as: "parkedReader" }),
  not_found: () => call("GET", "/v1/jobs/none"),
  method_not_allowed: () => call("PATCH", "/v1/job-types"),
  request_timeout() {
    const body = new ReadableStream({ pull: () => Promise.reject(new StalledStream()) });
    return callWith({}, "POST", "/v1/jobs", { body, headers: { "Content-Type": "application/json" } });
  },
  job_not_cancellable: async () => call("POST", `/v1/jobs/${await finishedJob()}/cancel`),
  job_not_finished: async () => call("DELETE", `/v1/jobs/${(await submit()).job.id}`),
  async job_without_result() {
    const { job } = await submit();
    await call("POST", `/v1/jobs/${job.id}/cancel`);
    return call("GET", `/v1/jobs/${job.id}/result`);
  },
  async duplicate_job() {
    const json = { type: "test.place", input: { place: crypto.randomUUID() }, on_conflict: "reject" };
    await call("POST", "/v1/jobs", { json });
    return call("POST", "/v1/jobs", { json });
  },
  async attempt_over() {
    const { job, token } = await startRemote();
    await call("POST", `/v1/jobs/${job.id}/cancel`);
    return callAttempt(token, "POST", `/v1/jobs/${job.id}/attempts/1/report`);
  },
  built_in: () => call("DELETE", "/v1/job-types/csv.import"),
  async backlog_full() {
    const queue = await declareQueue({ concurrency: 1, backlog: 1 });
    await submit({ queue });
    await submit({ queue });
    return call("POST", "/v1/jobs", { json: { ...simulated, queue } });
  },
  async upload_incomplete() {
    const path = await beginUpload();
    return call("POST", `${path}/complete`, { json: { part_count: 2 } });
  },
  async length_required() {
    const body = new ReadableStream({ start: (controller) => controller.close() });
    return call("PUT", `${await beginUpload()}/parts/1`, { body });
  },
  async precondition_failed() {
    const { job } = await submit();
    return call("POST", `/v1/jobs/${job.id}/cancel`, { headers: { "If-Match": '"7"' } });
  },
  payload_too_large: () => call("POST", "/v1/jobs", { json: { ...simulated, a: "x".repeat(1024 * 1024) } }),
  unsupported_media_type: () =>
    call("POST", "/v1/jobs", { body: "{}", headers: { "Content-Type": "text/plain" } }),
  async range_not_satisfiable() {
    const file = await call("POST", "/v1/files", { body: "abc", headers: { "Content-Type": "text/plain" } });
    return call("GET", file.headers.get("Location") ?? "", { headers: { Range: "bytes=3-" } });
  },
  invalid_request: () => call("POST", "/v1/jobs", { json: { ...simulated, urgency: 1 } }),
  unknown_job_type: () => call("POST", "/v1/jobs", { json: { ...simulated, type: "none" } }),
  async idempotency_key_reused() {
    const headers = { "Idempotency-Key": freshKey() };
    await submit({}, { headers });
    return call("POST", "/v1/jobs", { json: { ...simulated, metadata: {} }, headers });
  },
  rate_limited: () =>
    callWith({ KEY_LIMITER: { limit: async () => ({ success: false }) } }, "GET", "/v1/job-types"),
  internal_error: () => callWith(brokenJobs(new Error(SECRET)), "POST", "/v1/jobs", { json: simulated }),
  unavailable: () =>
    callWith(brokenJobs(passing({ retryable: true })), "POST", "/v1/jobs", { json: simulated }),
};

describe("every problem there is", () => {
  const codes = Object.keys(problemKinds) as ProblemCode[];

  test("can be met", () => {
    expect([...codes].sort()).toEqual(Object.keys(occasions).sort());
  });

  test.each(Object.entries(occasions))("%s has its status, and says what to do", async (code, occasion) => {
    const answer = await occasion();
    expect(refusal(answer)).toEqual([problemKinds[code as ProblemCode].status, code]);
    const allowed = [
      "type",
      "title",
      "status",
      "detail",
      "code",
      "instance",
      "errors",
      "job_status",
      "job_id",
      "limit",
      "allowed",
      "used",
      "reason",
      "queue",
      "missing_parts",
    ];
    expect(allowed).toEqual(expect.arrayContaining(Object.keys(answer.problem)));
    expect("errors" in answer.problem).toBe(code === "invalid_request");
    const isAboutState = ["job_not_cancellable", "job_not_finished", "job_without_result"].includes(code);
    if (isAboutState) expect(answer.problem.job_status).toMatch(/^[a-z]+$/);
    expect("job_id" in answer.problem).toBe(code === "duplicate_job");
  });

  test.each(codes)("%s has a page under its type that explains it", async (code) => {
    const page = await call("GET", `/problems/${code}`, { as: null });
    expect(page.status).toBe(200);
    expect(page.headers.get("Content-Type")).toMatch(/^text\/html/);
    const { title, status } = problemKinds[code];
    for (const part of [code, title, String(status)]) expect(page.text).toContain(part);
    expect(page.text.replace(/<[^>]+>/g, "").length).toBeGreaterThan(100);
  });

  test.each(["none", "constructor", "__proto__", "toString", "%00", "Not_Found"])(
    "has a code: there is no page for %s",
    async (code) => {
      expect(refusal(await call("GET", `/problems/${code}`, { as: null }))).toEqual([404, "not_found"]);
    },
  );
});

describe("what goes wrong inside", () => {
  const everyRoute = [
    ["POST", "/v1/jobs"],
    ["GET", ""],
    ["GET", "/events"],
    ["GET", "/result"],
    ["POST", "/cancel"],
    ["POST", "/replay"],
    ["DELETE", ""],
  ] as const;
  const pathOf = async (path: string) =>
    path.startsWith("/v1") ? path : `/v1/jobs/${(await submit()).job.id}${path}`;

  test.each(everyRoute)("is not told to the client, but to the log: %s %s", async (method, path) => {
    const error = new TypeError(SECRET, { cause: new Error("D1_ERROR: no such table: vault") });
    const json = method === "POST" ? (path === "/v1/jobs" ? simulated : {}) : undefined;
    const answer = await callWith(
      brokenJobs(error),
      method,
      await pathOf(path),
      json === undefined ? {} : { json },
    );
    expect(refusal(answer)).toEqual([500, "internal_error"]);
    expect(answer.text).not.toMatch(/secret|SELECT|vault|TypeError|D1_ERROR|\.ts/);
    const line = JSON.stringify(logged.find(({ event }) => event === "request_failed"));
    expect(line).toContain(SECRET);
    expect(line).toContain("no such table: vault");
    expect(line).toContain(answer.problem.instance.replace("urn:uuid:", ""));
  });

  test.each([{ retryable: true }, { overloaded: true }, { retryable: true, overloaded: true }])(
    "and may pass is told so, with a time to wait: %o",
    async (mark) => {
      for (const [method, path] of everyRoute) {
        const json = method === "POST" ? (path === "/v1/jobs" ? simulated : {}) : undefined;
        const options = json === undefined ? {} : { json };
        const answer = await callWith(brokenJobs(passing(mark)), method, await pathOf(path), options);
        expect(refusal(answer), path).toEqual([503, "unavailable"]);
        expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThanOrEqual(1);
        expect(answer.text).not.toMatch(/secret|vault/);
      }
    },
  );

  test.each([{ retryable: false }, { overloaded: false }])(
    "and says it will not pass is our fault: %o",
    async (mark) => {
      const answer = await callWith(brokenJobs(passing(mark)), "POST", "/v1/jobs", { json: simulated });
      expect(refusal(answer)).toEqual([500, "internal_error"]);
    },
  );

  test("with the limiter refuses no request", async () => {
    const limiter = { KEY_LIMITER: { limit: () => Promise.reject(new Error(SECRET)) } };
    expect((await callWith(limiter, "GET", "/v1/job-types")).status).toBe(200);
  });

  test("with the settings is our fault, too", async () => {
    const settings = { LEASE_MS: "soon" };
    const answer = await callWith(settings, "POST", "/v1/jobs", { json: simulated });
    expect(refusal(answer)).toEqual([500, "internal_error"]);
    expect(answer.text).not.toContain("LEASE_MS");
  });

  test("with the tenant's object gives 503, and never an outdated answer", async () => {
    const TENANTS = { getByName: () => ({ lookUp: () => Promise.reject(new Error(SECRET)) }) };
    const answer = await callWith({ TENANTS }, "GET", "/v1/job-types");
    expect(refusal(answer)).toEqual([503, "unavailable"]);
    expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
  });

  test("after a job was stored does not lose it: the same key finds it", async () => {
    const options = { json: simulated, headers: { "Idempotency-Key": freshKey() } };
    const JOBS = jobsWith((_id, real) => ({
      async submit(...args: never[]) {
        await real.submit?.(...args);
        throw passing({ retryable: true });
      },
    }));
    expect((await callWith({ JOBS }, "POST", "/v1/jobs", options)).status).toBe(503);
    const again = await submit({}, options);
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    expect((await jobNow(again.job.id)).version).toBe(1);
  });

  test("with one key is not another key's limit", async () => {
    const asked: string[] = [];
    const KEY_LIMITER = {
      limit: async ({ key }: { key: string }) => {
        asked.push(key);
        return { success: asked.filter((other) => other === key).length <= 1 };
      },
    };
    const statuses = [];
    for (const as of ["parked", "parked", "parkedOther"] as const) {
      statuses.push((await callWith({ KEY_LIMITER }, "GET", "/v1/job-types", { as })).status);
    }
    expect(statuses).toEqual([200, 429, 200]);
    expect((await callWith({ KEY_LIMITER }, "GET", "/v1/health")).status).toBe(200);
  });
});
