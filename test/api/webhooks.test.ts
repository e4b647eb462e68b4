/** Webhooks over HTTP: validation of a submission, deliveries, redelivery, and the secret. */

import { describe, expect, test } from "vitest";
import { call, callWith, freshKey, refusal, submit } from "../support/http.ts";
import { succeed } from "../support/moves.ts";
import { hold } from "../support/objects.ts";

type Delivery = {
  id: string;
  event: string;
  status: string;
  next_attempt_at: string | null;
  attempts: { started_at: string; status: number | null; error: string | null; duration_ms: number }[];
};

const url = "https://hooks.example.com/in";
const asking = (webhook: unknown) => ({ type: "test.simulate", input: {}, webhook });
const post = (webhook: unknown, headers = {}) => call("POST", "/v1/jobs", { json: asking(webhook), headers });

async function deliveriesOf(id: string): Promise<Delivery[]> {
  const answer = await call("GET", `/v1/jobs/${id}/deliveries`);
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers.get("Cache-Control")).toBe("private, no-cache");
  return answer.body.data as Delivery[];
}

/** A job that has succeeded, and its one delivery, which has been answered with `status`. */
async function delivered(status: number): Promise<{ id: string; delivery: Delivery }> {
  const { job } = await submit({ webhook: { url } });
  await succeed(job.id);
  const [{ id: deliveryId } = { id: "" }] = await deliveriesOf(job.id);
  const outcome = { startedAt: Date.now(), status, error: null, durationMs: 12, retryAfterMs: null };
  await hold(job.id).api().recordDelivery(deliveryId, 1, outcome);
  const [delivery] = await deliveriesOf(job.id);
  if (!delivery) throw new Error("there is no delivery");
  return { id: job.id, delivery };
}

describe("a submission with a webhook", () => {
  test("is accepted, and shown with its job, but not in lists", async () => {
    const { job } = await submit({ webhook: { url } });
    expect(job.webhook).toEqual({ url, events: ["job.succeeded", "job.failed", "job.cancelled"] });
    expect((await call("GET", "/v1/jobs")).text).not.toContain(url);
    expect(await deliveriesOf(job.id)).toEqual([]);
  });

  test.each([
    "http://hooks.example.com/",
    "https://hooks.example.com:8443/",
    "https://user:secret@hooks.example.com/",
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://printer.local/",
    "https://intranet/",
    "https://accepted.test/v1/jobs",
    "http://localhost:9/",
    "ftp://hooks.example.com/",
    "",
    `https://hooks.example.com/${"x".repeat(2_048)}`,
  ])("is refused for a target that may not be called: %s", async (target) => {
    const answer = await post({ url: target });
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/webhook/url"]);
    expect(answer.text).not.toContain("secret@");
  });

  test("may go to this machine only where the deployment says so", async () => {
    const local = asking({ url: "http://localhost:9/" });
    const answer = await callWith({ ALLOW_LOCALHOST_URLS: "true" }, "POST", "/v1/jobs", { json: local });
    expect(answer.status).toBe(202);
  });

  test("is told all its faults at once", async () => {
    const json = { ...asking({ url: "https://localhost/" }), run_at: "soon", input: { steps: -1 } };
    const answer = await call("POST", "/v1/jobs", { json });
    expect(answer.problem.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      "#/input/steps",
      "#/run_at",
      "#/webhook/url",
    ]);
  });

  test.each([undefined, ""])("is refused where no webhooks are sent", async (WEBHOOK_SECRET) => {
    const answer = await callWith({ WEBHOOK_SECRET }, "POST", "/v1/jobs", { json: asking({ url }) });
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors).toEqual([
      { pointer: "#/webhook", detail: "This deployment sends no webhooks." },
    ]);
    const without = await callWith({ WEBHOOK_SECRET }, "POST", "/v1/jobs", {
      json: { type: "test.simulate", input: {} },
    });
    expect(without.status).toBe(202);
  });

  test("is another request than one with another webhook, to an idempotency key", async () => {
    const headers = { "Idempotency-Key": freshKey() };
    const first = await post({ url }, headers);
    expect((await post({ url }, headers)).job.id).toBe(first.job.id);
    expect(refusal(await post({ url: `${url}2` }, headers))).toEqual([422, "idempotency_key_reused"]);
    expect(refusal(await post(undefined, headers))).toEqual([422, "idempotency_key_reused"]);
  });
});

describe("a replay", () => {
  test("carries the webhook over", async () => {
    const { job } = await submit({ webhook: { url, events: ["job.started"] } });
    await succeed(job.id);
    const again = await call("POST", `/v1/jobs/${job.id}/replay`);
    expect(again.status).toBe(202);
    await succeed(again.job.id);
    expect((await deliveriesOf(again.job.id)).map(({ event }) => event)).toEqual(["job.started"]);
  });

  test("is refused if the webhook may no longer be called", async () => {
    const local = { json: asking({ url: "http://localhost:9/" }) };
    const { job } = await callWith({ ALLOW_LOCALHOST_URLS: "true" }, "POST", "/v1/jobs", local);
    await succeed(job.id);
    const answer = await call("POST", `/v1/jobs/${job.id}/replay`);
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/webhook/url"]);
  });
});

describe("the deliveries of a job", () => {
  test("are none without a webhook", async () => {
    const { job } = await submit();
    await succeed(job.id);
    expect(await deliveriesOf(job.id)).toEqual([]);
  });

  test("show every try and when the next is due", async () => {
    const { delivery } = await delivered(500);
    expect(delivery).toEqual({
      id: expect.stringMatching(/^msg_[0-9A-Za-z]{47}_3$/),
      event: "job.succeeded",
      status: "pending",
      next_attempt_at: expect.stringMatching(/Z$/),
      attempts: [{ started_at: expect.stringMatching(/Z$/), status: 500, error: null, duration_ms: 12 }],
    });
  });

  test("are told from those of a job that does not exist", async () => {
    const { job } = await submit();
    await call("POST", `/v1/jobs/${job.id}/cancel`);
    await call("DELETE", `/v1/jobs/${job.id}`);
    expect(refusal(await call("GET", `/v1/jobs/${job.id}/deliveries`))).toEqual([404, "not_found"]);
  });
});

describe("a redelivery", () => {
  const redeliver = (job: string, delivery: string, options = {}) =>
    call("POST", `/v1/jobs/${job}/deliveries/${delivery}/redeliver`, options);

  test.each([200, 410, 500])("of what was answered with %i is accepted, and pending", async (status) => {
    const { id, delivery } = await delivered(status);
    const answer = await redeliver(id, delivery.id);
    expect(answer.status).toBe(202);
    expect(answer.body.data).toEqual({
      ...delivery,
      status: "pending",
      next_attempt_at: expect.stringMatching(/Z$/),
    });
    expect(await deliveriesOf(id)).toEqual([answer.body.data]);
  });

  test("of what does not exist is not found", async () => {
    const { id } = await delivered(200);
    for (const other of ["msg_01abc_3", "x", "%2e%2e", "x".repeat(3_000)]) {
      expect(refusal(await redeliver(id, other))).toEqual([404, "not_found"]);
    }
  });

  test("takes no fields", async () => {
    const { id, delivery } = await delivered(200);
    expect((await redeliver(id, delivery.id, { json: {} })).status).toBe(202);
    const answer = await redeliver(id, delivery.id, { json: { url } });
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/url"]);
  });

  test("is not for readers, nor for others", async () => {
    const { id, delivery } = await delivered(200);
    expect(refusal(await redeliver(id, delivery.id, { as: "parkedReader" }))).toEqual([403, "forbidden"]);
    expect(refusal(await redeliver(id, delivery.id, { as: "parkedOther" }))).toEqual([404, "not_found"]);
    expect((await deliveriesOf(id))[0]?.status).toBe("succeeded");
  });
});

describe("the webhook secret", () => {
  test("does not exist where no webhooks are sent", async () => {
    const answer = await callWith({ WEBHOOK_SECRET: undefined }, "GET", "/v1/webhook-secret");
    expect(refusal(answer)).toEqual([404, "not_found"]);
    expect(answer.problem.detail).toContain("sends no webhooks");
  });
});
