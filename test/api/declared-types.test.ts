/** Job types that a tenant declares over HTTP: what is acceptable, and what their jobs take from them. */

import { expect, test } from "vitest";
import { call, refusal, submit } from "../support/http.ts";
import { anyDefinition, declareType } from "../support/remote.ts";

test("input of a declared type: checked by its schema, every fault with its pointer", async () => {
  const type = await declareType({
    example: { file: "a", height: 240 },
    input_schema: {
      type: "object",
      additionalProperties: false,
      required: ["file", "height"],
      properties: { file: { type: "string", maxLength: 3 }, height: { enum: [240, 480] } },
    },
  });
  const answer = await call("POST", "/v1/jobs", { json: { type, input: { height: 1, more: 2 } } });
  expect(refusal(answer)).toEqual([422, "invalid_request"]);
  expect(answer.problem.errors?.map(({ pointer }) => pointer).sort()).toEqual([
    "#/input/file",
    "#/input/height",
    "#/input/more",
  ]);
});

test("unique_key and concurrency_key of a declared type: follow from the input", async () => {
  const type = await declareType({ unique_key: ["/file"], concurrency_key: "/customer" });
  const input = { file: "a", customer: "acct_1" };
  const { job } = await submit({ type, input });
  expect(job.concurrency_key).toBe("acct_1");
  const again = await submit({ type, input: { ...input, customer: "acct_2" } });
  expect(again.body.deduplicated).toBe("unique_key");
  const given = await call("POST", "/v1/jobs", {
    json: { type, input: { file: "b" }, concurrency_key: "x" },
  });
  expect(refusal(given)).toEqual([422, "invalid_request"]);
});

test("a declared type: shown, replaced with If-Match, deleted; then unknown", async () => {
  const type = await declareType();
  const path = `/v1/job-types/${type}`;
  const shown = await call("GET", path);
  expect(shown.body.data).toMatchObject({
    type,
    built_in: false,
    queue: type,
    worker: { mode: "pull", wake: null },
    limits: { lease_ms: 60_000 },
    version: 1,
  });
  const json = { ...anyDefinition, description: "Other." };
  const replaced = await call("PUT", path, {
    json,
    headers: { "If-Match": shown.headers.get("ETag") ?? "" },
  });
  expect(replaced.status).toBe(200);
  expect(refusal(await call("PUT", path, { json, headers: { "If-Match": '"1"' } }))).toEqual([
    412,
    "precondition_failed",
  ]);
  const listed = (await call("GET", "/v1/job-types")).body.data as { type: string }[];
  expect(listed.map((one) => one.type)).toContain(type);
  expect((await call("DELETE", path)).status).toBe(204);
  expect((await call("DELETE", path)).status).toBe(404);
});

test.each([
  ["csv.import", 409, "built_in"],
  ["jobs.bulk", 409, "built_in"],
  ["mail.send", 422, "invalid_request"],
  ["test.mine", 422, "invalid_request"],
  ["Video", 422, "invalid_request"],
])("PUT /v1/job-types/%s → %i", async (type, status, code) => {
  expect(refusal(await call("PUT", `/v1/job-types/${type}`, { json: anyDefinition }))).toEqual([
    status,
    code,
  ]);
});

test.each([
  ["an example that does not match", { example: 1 }],
  ["a reference to elsewhere", { input_schema: { $ref: "https://example.com/schema.json" } }],
  [
    "a schema that refers to itself",
    { input_schema: { $defs: { a: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" } },
  ],
  ["a slow pattern", { input_schema: { type: "object", properties: { a: { pattern: "(a+)+$" } } } }],
  ["a heartbeat of no time", { limits: { heartbeat_timeout_ms: 0 } }],
])("a definition with %s: 422", async (_what, fields) => {
  const answer = await call("PUT", "/v1/job-types/mine", { json: { ...anyDefinition, ...fields } });
  expect(refusal(answer)).toEqual([422, "invalid_request"]);
});

test("a wake url that webhooks may not go to: 422", async () => {
  const worker = { mode: "pull", wake: { url: "http://10.0.0.1/wake" } };
  const answer = await call("PUT", "/v1/job-types/mine", { json: { ...anyDefinition, worker } });
  expect(refusal(answer)).toEqual([422, "invalid_request"]);
  expect(answer.problem.errors?.[0]?.pointer).toBe("#/worker/wake/url");
});
