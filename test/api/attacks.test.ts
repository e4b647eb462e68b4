/** What an attacker, or an honest mistake, would send: work that makes work, calls that lead back, open lines. */

import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { targetRules } from "../../src/env.ts";
import { jobTypes } from "../../src/job-types/index.ts";
import { consume, deliveryOf, messageFor, playReceiver, succeededJob } from "../support/deliveries.ts";
import { type Call, call, callWith, finished, refusal, submit } from "../support/http.ts";
import { fakeJobContext } from "../support/job-context.ts";
import { succeed } from "../support/moves.ts";

afterEach(() => void vi.restoreAllMocks());

const bulk = (json: object, options: Call = {}) => call("POST", "/v1/bulk", { json, ...options });

test.each(["cancel", "replay", "delete"])("bulk %s: asks for bulk jobs → 422, both times", async (action) => {
  for (const type of [["jobs.bulk"], ["csv.import", "jobs.bulk"]]) {
    const answer = await bulk({ action, filter: { type }, per_second: 20 });
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/filter/type"]);
  }
});

test("bulk: the type submitted as a job of its own → 422", async () => {
  const input = { action: "replay", filter: {}, as_of: new Date().toISOString() };
  const answer = await call("POST", "/v1/jobs", { json: { type: "jobs.bulk", input } });
  expect(refusal(answer)).toEqual([422, "unknown_job_type"]);
});

test("bulk: a bulk job replayed by itself → 422", async () => {
  const { job } = await bulk({ action: "cancel", filter: { metadata: { team: crypto.randomUUID() } } });
  await succeed(job.id);
  expect(refusal(await call("POST", `/v1/jobs/${job.id}/replay`))).toEqual([422, "unknown_job_type"]);
});

test("bulk: a second one of the action while one is unfinished → 409 that names it", async () => {
  const json = { action: "delete", filter: { metadata: { team: crypto.randomUUID() } } };
  const { job } = await bulk(json);
  const second = await bulk({ ...json, per_second: 7 });
  expect(refusal(second)).toEqual([409, "duplicate_job"]);
  expect(second.problem).toMatchObject({ job_id: job.id });
  await succeed(job.id);
  expect((await bulk(json)).status).toBe(202);
});

test("bulk: two that choose everything → two jobs, and none of them is acted upon", async () => {
  const as = "acme";
  const [one, two] = [
    await bulk({ action: "replay", filter: {} }, { as }),
    await bulk({ action: "cancel", filter: {} }, { as }),
  ];
  for (const { job } of [one, two]) expect(await finished(job.id, as)).toMatchObject({ status: "succeeded" });
  const made = await call("GET", "/v1/jobs?type=jobs.bulk", { as });
  expect(made.body.data).toHaveLength(2);
});

test("bulk: jobs accepted between the count and the action → not touched", async () => {
  const metadata = { team: crypto.randomUUID() };
  const counted = async () =>
    (await bulk({ action: "cancel", filter: { metadata }, dry_run: true }, { as })).body;
  const as = "globex";
  const input = { duration_ms: 60_000 };
  await submit({ metadata, input }, { as });
  await vi.waitFor(async () => expect(await counted()).toMatchObject({ data: { count: 1 } }));
  const { as_of } = (await counted()).data as { as_of: string };
  await new Promise((resolve) => setTimeout(resolve, 5));
  const later = (await submit({ metadata, input }, { as })).job;
  await vi.waitFor(async () => expect(await counted()).toMatchObject({ data: { count: 2 } }));
  const { job } = await bulk({ action: "cancel", filter: { metadata }, as_of }, { as });
  expect(await finished(job.id, as)).toMatchObject({ result: { matched: 1, done: 1 } });
  expect((await call("GET", `/v1/jobs/${later.id}`, { as })).job.status).not.toBe("cancelled");
  await call("POST", `/v1/jobs/${later.id}/cancel`, { as });
});

const ownHosts = ["jobs.example.com", "accepted.example.workers.dev"];
const bindings = { OWN_HOSTS: ownHosts.join(" ") };
const otherNames = ["https://jobs.example.com", "https://accepted.example.workers.dev", "https://a.example"];

test.each(otherNames.flatMap((origin) => ownHosts.map((host) => [origin, host] as const)))(
  "own host: asked as %s for a call to %s → 422, from job and webhook",
  async (origin, host) => {
    const url = `https://${host}/v1/jobs`;
    const work = { type: "http.request", input: { method: "POST", url } };
    const hook = { type: "test.simulate", input: {}, webhook: { url } };
    for (const [json, pointer] of [
      [work, "#/input/url"],
      [hook, "#/webhook/url"],
    ] as const) {
      const answer = await callWith(bindings, "POST", "/v1/jobs", { json, origin });
      expect(refusal(answer)).toEqual([422, "invalid_request"]);
      expect(answer.problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
    }
  },
);

test.each(ownHosts)("own host: %s at run time → nothing is sent, by job or by webhook", async (host) => {
  const url = `https://${host}/v1/jobs`;
  const received = playReceiver(() => new Response());
  const { job } = fakeJobContext({ targetRules: targetRules({ ...env, ...bindings }) });
  const run = async () => jobTypes.get("http.request")?.run({ method: "POST", url }, job);
  await expect(run()).rejects.toMatchObject({ code: "target_refused" });
  const delivered = await succeededJob(null, url);
  await consume([await messageFor(delivered)], bindings);
  expect((await deliveryOf(delivered)).attempts[0]?.error).toBe("refused_target");
  expect(received).toEqual([]);
});

test.each(["1.1 accepted", "1.1 proxy, 1.1 Accepted", "1.0 a,1.1 accepted , 2 b"])(
  "a POST by way of a job (Via: %s) → 403",
  async (via) => {
    const json = { type: "test.simulate", input: {} };
    for (const path of ["/v1/jobs", "/v1/bulk", "/v1/files"])
      expect(refusal(await call("POST", path, { json, headers: { Via: via } }))).toEqual([403, "forbidden"]);
  },
);

test("a POST by way of another's proxy → accepted", async () => {
  await submit({}, { headers: { Via: "1.1 accepted-proxy, 1.1 squid" } });
});

test("plain http to a public name: the API refuses, pages lead to https", async () => {
  const origin = "http://jobs.example.com";
  const answer = await call("GET", "/v1/jobs", { origin });
  expect(refusal(answer)).toEqual([403, "forbidden"]);
  const page = await call("GET", "/docs?a=b", { origin, as: null });
  expect([page.status, page.headers.get("Location")]).toEqual([301, "https://jobs.example.com/docs?a=b"]);
  expect((await call("GET", "/v1/jobs")).headers.get("Strict-Transport-Security")).toMatch(/^max-age=\d{8}/);
});

test.each(["text/html;charset=utf-7", "text/csv; charset=no-such", "multipart/form-data; boundary=x"])(
  "an upload of type %s → 415",
  async (type) => {
    const answer = await call("POST", "/v1/files", { body: "a,b\n", headers: { "Content-Type": type } });
    expect(refusal(answer)).toEqual([415, "unsupported_media_type"]);
  },
);
