/** Queues over HTTP: what they are, who may change them, and what a waiting job says. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { queueObject } from "../../src/rpc/queue.ts";
import { call, freshKey, jobNow, refusal, submit } from "../support/http.ts";
import { succeed } from "../support/moves.ts";
import { declareQueue } from "../support/remote.ts";

type QueueJson = {
  name: string;
  limits: Record<string, unknown>;
  override: { limits: object; keys: object; expires_at: string } | null;
  paused: { reason: string | null } | null;
  waiting: number;
  running: number;
  oldest_entered_at: string | null;
  version: number;
};

async function queueNow(name: string): Promise<QueueJson> {
  return (await call("GET", `/v1/queues/${name}`)).body.data as QueueJson;
}

test("PUT a queue: 201, then 200, with a version that If-Match compares", async () => {
  const name = `q-${crypto.randomUUID().slice(0, 8)}`;
  const json = { limits: { concurrency: 2, starts: { count: 60, per_ms: 60_000 } } };
  const made = await call("PUT", `/v1/queues/${name}`, { json });
  expect(made.status, made.text).toBe(201);
  expect((made.body.data as QueueJson).limits).toEqual({
    concurrency: 2,
    concurrency_per_key: null,
    concurrency_per_tenant: null,
    starts: { count: 60, per_ms: 60_000, burst: 1 },
    starts_per_key: null,
    backlog: 10_000,
    backlog_per_tenant: null,
  });
  const again = await call("PUT", `/v1/queues/${name}`, {
    json: { limits: {} },
    headers: { "If-Match": made.headers.get("ETag") ?? "" },
  });
  expect(again.status).toBe(200);
  const late = await call("PUT", `/v1/queues/${name}`, { json, headers: { "If-Match": '"1"' } });
  expect(refusal(late)).toEqual([412, "precondition_failed"]);
  const listed = (await call("GET", "/v1/queues")).body.data as QueueJson[];
  expect(listed.map((queue) => queue.name)).toContain(name);
});

test("a queue with concurrency 1: the second job waits, says why, and starts when the first ends", async () => {
  const queue = await declareQueue({ concurrency: 1 });
  const first = (await submit({ queue })).job;
  const second = (await submit({ queue, priority: 5, concurrency_key: "acct_1" })).job;
  expect(first).toMatchObject({ queue, status_reason: "waiting_for_worker", waiting: null });
  expect(second).toMatchObject({
    queue,
    priority: 5,
    concurrency_key: "acct_1",
    status_reason: "waiting_in_queue",
    waiting: { reason: "concurrency", limit: "concurrency", position: 1 },
  });
  expect(await queueNow(queue)).toMatchObject({ waiting: 1, running: 1 });
  await succeed(first.id);
  await expect.poll(async () => (await jobNow(second.id)).waiting).toBe(null);
  expect(await jobNow(second.id)).toMatchObject({ status: "queued", status_reason: "waiting_for_worker" });
  expect(await queueNow(queue)).toMatchObject({ waiting: 0, running: 1, oldest_entered_at: null });
});

test("a waiting job is cancelled: it leaves the queue", async () => {
  const queue = await declareQueue({ concurrency: 1 });
  await submit({ queue });
  const { id } = (await submit({ queue })).job;
  await call("POST", `/v1/jobs/${id}/cancel`);
  await expect.poll(async () => (await queueNow(queue)).waiting).toBe(0);
});

test("paused: nothing starts and jobs are accepted; resumed → they start", async () => {
  const queue = await declareQueue({});
  const paused = await call("POST", `/v1/queues/${queue}/pause`, { json: { reason: "Maintenance" } });
  expect(paused.body.data).toMatchObject({ paused: { reason: "Maintenance" } });
  const { id } = (await submit({ queue })).job;
  expect((await jobNow(id)).waiting).toMatchObject({ reason: "paused", position: 1 });
  const again = await call("POST", `/v1/queues/${queue}/pause`, { json: { reason: "Maintenance" } });
  expect((again.body.data as QueueJson).version).toBe((paused.body.data as QueueJson).version);
  await call("POST", `/v1/queues/${queue}/resume`);
  await expect.poll(async () => (await jobNow(id)).status_reason).toBe("waiting_for_worker");
});

test("a full backlog: 429 with Retry-After, and a repeated key is answered all the same", async () => {
  const queue = await declareQueue({ concurrency: 1, backlog: 1 });
  await submit({ queue });
  const headers = { "Idempotency-Key": freshKey() };
  const { id } = (await submit({ queue }, { headers })).job;
  const refused = await call("POST", "/v1/jobs", { json: { type: "test.simulate", input: {}, queue } });
  expect(refusal(refused)).toEqual([429, "backlog_full"]);
  expect(refused.problem).toMatchObject({ queue, limit: "backlog", allowed: 1, used: 1 });
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect((await submit({ queue }, { headers })).job.id).toBe(id);
});

test("an override: takes effect at once, and ends by itself or by DELETE", async () => {
  const queue = await declareQueue({ concurrency: 1 });
  await submit({ queue });
  const { id } = (await submit({ queue })).job;
  const json = { limits: { concurrency: 2 }, keys: { acct_1: { concurrency: 3 } }, expires_in_ms: 60_000 };
  const overridden = await call("PUT", `/v1/queues/${queue}/override`, { json });
  expect(overridden.body.data).toMatchObject({
    limits: { concurrency: 1 },
    override: { limits: { concurrency: 2 }, keys: { acct_1: { concurrency: 3 } } },
  });
  await expect.poll(async () => (await jobNow(id)).status_reason).toBe("waiting_for_worker");
  expect((await call("DELETE", `/v1/queues/${queue}/override`)).status).toBe(204);
  expect((await queueNow(queue)).override).toBe(null);
});

test("a rate: jobs are spaced, and the one that waits says so", async () => {
  const queue = await declareQueue({ starts: { count: 1, per_ms: 60_000 } });
  await submit({ queue });
  const { job } = await submit({ queue });
  expect(job.waiting).toMatchObject({ reason: "rate", limit: "starts" });
});

test("a queue is deleted: its jobs start without limits", async () => {
  const queue = await declareQueue({ concurrency: 1 });
  await submit({ queue });
  const { id } = (await submit({ queue })).job;
  expect((await call("DELETE", `/v1/queues/${queue}`)).status).toBe(204);
  await expect.poll(async () => (await jobNow(id)).status_reason).toBe("waiting_for_worker");
  expect(refusal(await call("GET", `/v1/queues/${queue}`))).toEqual([404, "not_found"]);
});

test.each([
  ["queue", { queue: "none-such" }],
  ["priority", { priority: 1 }],
  ["concurrency_key", { concurrency_key: "a" }],
])("%s where it has no meaning: 422 with its pointer", async (field, fields) => {
  const answer = await call("POST", "/v1/jobs", { json: { type: "test.simulate", input: {}, ...fields } });
  expect(refusal(answer)).toEqual([422, "invalid_request"]);
  expect(answer.problem.errors?.map(({ pointer }) => pointer)).toContain(`#/${field}`);
});

test("another tenant's queue: does not exist", async () => {
  const queue = await declareQueue({ concurrency: 1 });
  expect(refusal(await call("GET", `/v1/queues/${queue}`, { as: "acme" }))).toEqual([404, "not_found"]);
  const answer = await call("POST", "/v1/jobs", {
    json: { type: "test.simulate", input: {}, queue },
    as: "acme",
  });
  expect(refusal(answer)).toEqual([422, "invalid_request"]);
});

test("a key without queues:write: may read queues and change none", async () => {
  const queue = await declareQueue({});
  const as = "parkedReader";
  expect((await call("GET", `/v1/queues/${queue}`, { as })).status).toBe(200);
  expect(refusal(await call("POST", `/v1/queues/${queue}/pause`, { as }))).toEqual([403, "forbidden"]);
});

test("a replay: keeps queue, priority and key", async () => {
  const queue = await declareQueue({});
  const { job } = await submit({ queue, priority: 9, concurrency_key: "acct_1" });
  await succeed(job.id);
  const replayed = await call("POST", `/v1/jobs/${job.id}/replay`);
  expect(replayed.job).toMatchObject({ queue, priority: 9, concurrency_key: "acct_1" });
});

test("a release that was lost: the queue asks the job, and the slot is free again", async () => {
  const name = await declareQueue({ concurrency: 1 });
  const queue = queueObject(env, { tenant: "parked", name });
  const { id } = (await submit({ queue: name })).job;
  await call("POST", `/v1/jobs/${id}/cancel`);
  const entry = {
    jobId: id,
    tenant: "parked",
    weight: 1,
    type: "test.simulate",
    isRemote: false,
    key: null,
    enteredAt: 0,
    priority: 0,
    attempt: 1,
    continuation: 0,
    attemptTimeoutMs: 60_000,
  };
  await expect.poll(async () => (await queueNow(name)).running).toBe(0);
  await queue.enter(entry, false);
  expect((await queueNow(name)).running).toBe(1);
  await queue.verify(id);
  expect((await queueNow(name)).running).toBe(0);
});
