/** Whole requests with 64 KB of hostile text in one place are answered in linear time, whatever the route. */

import { beforeAll, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Env } from "../../src/env.ts";
import { jobTypes } from "../../src/job-types/index.ts";
import { keyHash, makeKey, newKeyId } from "../../src/lib/key.ts";
import { defaultLimits, tenantScopes } from "../../src/rpc/tenant.ts";
import { defaultSettings } from "../../src/tenants/settings.ts";

const LENGTH = 64 * 1024;
/** CPU time of the whole answer. A quadratic reader takes seconds. */
const LIMIT_MS = 50;
const RUNS = 5;

const app = createApp(jobTypes);
const SIGNING_SECRET = "s".repeat(32);
let key = "";
const unknown = () => {
  throw new TypeError("no such object");
};
let env: Env;
beforeAll(async () => {
  const id = newKeyId();
  key = await makeKey({ owner: "acme", id }, new Uint8Array(32).fill(7), SIGNING_SECRET);
  const tenant = { id: "acme", settings: defaultSettings, status: "active" };
  const record = { id, hash: await keyHash(key), scopes: tenantScopes, expiresAt: null };
  const found = { tenant, key: record, used: emptyUsage };
  const refusing = { submit: async () => ({ kind: "key_reused" }) };
  const jobs = {
    idFromString: unknown,
    newUniqueId: () => "new",
    idFromName: () => "named",
    get: () => refusing,
  };
  const empty = { page: async () => ({ jobs: [], next: null }) };
  const bindings = {
    SIGNING_SECRET,
    TENANTS: { getByName: () => ({ lookUp: async () => found, keys: async () => [] }) },
    TENANT_DIRECTORY: { getByName: () => ({ page: async () => [] }) },
    KEY_LIMITER: { limit: async () => ({ success: true }) },
    ADDRESS_LIMITER: { limit: async () => ({ success: true }) },
    JOBS: jobs,
    SESSIONS: jobs,
    JOB_INDEXES: { getByName: () => empty },
    INDEX_DIRECTORIES: { getByName: () => ({ partitions: async () => [] }) },
    LEASE_MS: "1000",
    DISPATCH_TIMEOUT_MS: "1000",
    LOCAL_QUEUE: "true",
    ALLOW_LOCALHOST_URLS: "false",
    OWN_HOSTS: "",
    JURISDICTION: "",
    LOCATION_HINTS: "",
  };
  env = bindings as unknown as Env;
});

const emptyUsage = Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, 0]));

const units = [
  " ",
  "\t",
  "a",
  "0",
  ",",
  ";",
  "=",
  '"',
  "\\",
  "W/",
  '",',
  "=,",
  ", ",
  "; ",
  "/",
  "%",
  "-",
  "a=1,",
  "a;q=1,",
];
const texts = units.map((unit) => `x${unit.repeat(LENGTH / unit.length)}!`);

const readers: [method: string, path: string, headers: string[]][] = [
  [
    "GET",
    "/v1/jobs/job_x",
    ["If-None-Match", "Prefer", "traceparent", "tracestate", "Accept", "Origin", "Via"],
  ],
  ["GET", "/v1/jobs/job_x/events", ["Accept", "Last-Event-ID", "Upgrade"]],
  ["POST", "/v1/jobs", ["Content-Type", "Content-Encoding", "Idempotency-Key", "Prefer", "Via"]],
  ["POST", "/v1/jobs/job_x/cancel", ["If-Match", "Content-Type"]],
  ["POST", "/v1/files", ["Content-Type", "Content-Encoding"]],
  ["OPTIONS", "/v1/jobs", ["Access-Control-Request-Headers", "Access-Control-Request-Method", "Origin"]],
  ["GET", "/dashboard", ["Cookie", "Sec-Fetch-Site"]],
  ["POST", "/dashboard/sign-in", ["Content-Type", "Origin", "Sec-Fetch-Site", "Cookie"]],
];
const headerCases = readers.flatMap(([method, path, names]) =>
  names.map((name) => [method, path, name] as const),
);

async function answer(method: string, address: string, headers: Record<string, string>, body?: string) {
  const given = { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...headers };
  const request = new Request(`https://jobs.example.com${address}`, {
    method,
    headers: given,
    ...(body !== undefined && { body }),
  });
  const response = await app.fetch(request, env);
  await response.arrayBuffer();
  return response.status;
}

/** The texts that took too long, and those that were no client's fault. */
async function faults(ask: (text: string) => Promise<number>): Promise<string[]> {
  const found: string[] = [];
  for (const text of texts) {
    let best = Number.POSITIVE_INFINITY;
    let status = 0;
    for (let run = 0; run < RUNS && best > LIMIT_MS; run += 1) {
      const { user, system } = process.threadCpuUsage();
      status = await ask(text);
      const after = process.threadCpuUsage({ user, system });
      best = Math.min(best, (after.user + after.system) / 1_000);
    }
    if (best > LIMIT_MS || status >= 500) found.push(`${text.slice(0, 8)}: ${status} after ${best} ms`);
  }
  return found;
}

test.each(headerCases)("%s %s with 64 KB in %s → quick, and no failure", async (method, path, name) => {
  const body = method === "POST" ? "{}" : undefined;
  expect(await faults((text) => answer(method, path, { [name]: text }, body))).toEqual([]);
});

test.each([
  ["a credential", (text: string) => answer("GET", "/v1/jobs", { Authorization: `Bearer ${text}` })],
  ["a path", (text: string) => answer("GET", `/v1/jobs/${encodeURIComponent(text)}`, {})],
  ["a path of the dashboard", (text: string) => answer("GET", `/dashboard/${encodeURIComponent(text)}`, {})],
  ["the name of a parameter", (text: string) => answer("GET", `/v1/jobs?${encodeURIComponent(text)}=1`, {})],
  ...["status", "type", "created_after", "metadata[a]", "limit", "cursor"].map(
    (name) =>
      [
        `the parameter ${name}`,
        (text: string) => answer("GET", `/v1/jobs?${new URLSearchParams([[name, text]])}`, {}),
      ] as const,
  ),
  ...["type", "input", "metadata", "run_at", "max_attempts", "on_conflict", "webhook"].map(
    (name) =>
      [
        `the field ${name}`,
        (text: string) =>
          answer("POST", "/v1/jobs", {}, JSON.stringify({ type: "test.simulate", input: {}, [name]: text })),
      ] as const,
  ),
  ...(
    [
      ["http.request", "url"],
      ["http.request", "method"],
      ["csv.import", "file"],
      ["csv.import", "dataset"],
      ["payments.reconcile", "tolerance"],
    ] as const
  ).map(
    ([type, name]) =>
      [
        `the input ${name} of ${type}`,
        (text: string) => answer("POST", "/v1/jobs", {}, JSON.stringify({ type, input: { [name]: text } })),
      ] as const,
  ),
  [
    "a URL of a webhook",
    (text: string) =>
      answer(
        "POST",
        "/v1/jobs",
        {},
        JSON.stringify({ type: "test.simulate", input: {}, webhook: { url: `https://${text}` } }),
      ),
  ],
  [
    "a form's field",
    (text: string) =>
      answer(
        "POST",
        "/dashboard/sign-in",
        { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" },
        `${new URLSearchParams({ key: text, return_to: text })}`,
      ),
  ],
] as const)("64 KB in %s → quick, and no failure", async (_where, ask) => {
  expect(await faults(ask)).toEqual([]);
});
