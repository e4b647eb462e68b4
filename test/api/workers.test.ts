/** Remote workers over HTTP: claims, and the life of an attempt. */

import { expect, test } from "vitest";
import { call, freshKey, jobNow, refusal, submit } from "../support/http.ts";
import { parkedWakes } from "../support/parked.ts";
import { callAttempt, claim, claimed, declareType, startRemote } from "../support/remote.ts";

type EndedJson = { job_status: string; next_attempt_at: string | null };

async function eventsOf(id: string) {
  const { data } = (await call("GET", `/v1/jobs/${id}/events`)).body as {
    data: { type: string; data: Record<string, unknown> }[];
  };
  return data;
}

test("a job of a declared type: waits for a worker, is claimed, reports, and succeeds", async () => {
  const type = await declareType();
  const { job } = await submit({ type, input: { a: 1 }, metadata: { customer: "4711" } });
  expect(job.waiting).toMatchObject({ reason: "no_worker", position: 1 });
  const [run] = await claimed([type]);
  expect(run?.job).toEqual({
    id: job.id,
    type,
    input: { a: 1 },
    metadata: { customer: "4711" },
    checkpoint: null,
    attempt: 1,
    continuation: 0,
    max_attempts: 3,
  });
  const { links, attempt_token: token = "" } = run ?? {};
  const reported = await callAttempt(token, "POST", links?.report ?? "", {
    json: {
      progress: { current: 1, total: 2, unit: "segments" },
      logs: [{ number: 1, level: "info", message: "half" }],
    },
  });
  expect(reported.status, reported.text).toBe(200);
  expect(reported.body.data).toMatchObject({ report_within_ms: 20_000 });
  expect(await jobNow(job.id)).toMatchObject({
    status_reason: "executing",
    waiting: null,
    progress: { percent: 50 },
    attempts: [{ worker: { name: "worker-1", version: "7" } }],
  });
  const json = { result: { seconds: 12 } };
  const ended = await callAttempt(token, "POST", links?.succeed ?? "", { json });
  expect(ended.body.data).toEqual({ job_status: "succeeded", next_attempt_at: null });
  const again = await callAttempt(token, "POST", links?.succeed ?? "", { json });
  expect(again.body.data).toEqual(ended.body.data);
  expect(await jobNow(job.id)).toMatchObject({ status: "succeeded", result: { seconds: 12 } });
  const events = await eventsOf(job.id);
  expect(events.map((event) => event.type)).toEqual([
    "job.queued",
    "job.started",
    "job.log",
    "job.progress",
    "job.succeeded",
  ]);
  expect(events[1]?.data).toEqual({ attempt: 1, worker: { name: "worker-1", version: "7" } });
});

test("nothing to claim: an empty answer with Retry-After", async () => {
  const type = await declareType();
  const answer = await claim([type]);
  expect(answer.status).toBe(200);
  expect(answer.body.data).toEqual([]);
  expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
});

test("Prefer: wait → the claim is answered as soon as a job comes", async () => {
  const type = await declareType();
  const began = Date.now();
  const waiting = claimed([type], { headers: { Prefer: "wait=20" } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { job } = await submit({ type });
  expect((await waiting).map((run) => run.job.id)).toEqual([job.id]);
  expect(Date.now() - began).toBeLessThan(15_000);
});

test("a claim that is repeated by its key: the same jobs, and their tokens work", async () => {
  const type = await declareType();
  await submit({ type });
  await submit({ type });
  const headers = { "Idempotency-Key": freshKey() };
  const empty = await claim([await declareType()], { headers });
  expect(empty.body.data).toEqual([]);
  const first = await claimed([type], { headers, max_jobs: 2 });
  const again = await claim([type], { headers, max_jobs: 2 });
  expect(again.headers.get("Idempotent-Replayed")).toBe("true");
  const repeated = again.body.data as typeof first;
  expect(repeated.map((run) => run.job.id).sort()).toEqual(first.map((run) => run.job.id).sort());
  for (const { attempt_token, links } of repeated)
    expect((await callAttempt(attempt_token, "POST", links.report)).status).toBe(200);
});

test("a checkpoint, then release: the same attempt goes on from it, at another worker", async () => {
  const { type, job, run, token } = await startRemote();
  const saved = await callAttempt(token, "PUT", run.links.checkpoint, {
    json: { checkpoint: { segments: 2 } },
  });
  expect(saved.status, saved.text).toBe(200);
  const released = await callAttempt(token, "POST", run.links.release);
  expect(released.body.data).toEqual({ job_status: "running", next_attempt_at: null });
  expect((await jobNow(job.id)).status_reason).toBe("continuing");
  const [next] = await claimed([type], { headers: { Prefer: "wait=20" } });
  expect(next?.job).toMatchObject({ id: job.id, attempt: 1, continuation: 1, checkpoint: { segments: 2 } });
  const late = await callAttempt(token, "POST", run.links.report);
  expect(refusal(late)).toEqual([409, "attempt_over"]);
  expect(late.problem).toMatchObject({ reason: "finished", job_status: "running" });
});

test("continue with a delay: says when, and holds its slot", async () => {
  const { type, job, run, token } = await startRemote();
  const ended = await callAttempt(token, "POST", run.links.continue, {
    json: { checkpoint: 1, delay_ms: 3_600_000 },
  });
  const { job_status, next_attempt_at } = ended.body.data as EndedJson;
  expect(job_status).toBe("running");
  expect((await jobNow(job.id)).next_attempt_at).toBe(next_attempt_at);
  expect((await eventsOf(job.id)).at(-1)).toMatchObject({
    type: "job.continued",
    data: { attempt: 1, continuation: 1, next_attempt_at },
  });
  expect((await call("GET", `/v1/queues/${type}`)).body.data).toMatchObject({ running: 1, waiting: 0 });
});

test("fail with a temporary kind: the job waits to retry; with a permanent one it has failed", async () => {
  const first = await startRemote();
  const retried = await callAttempt(first.token, "POST", first.run.links.fail, {
    json: { error: { kind: "rate_limited", retry_after_ms: 60_000, internal: "upstream said no" } },
  });
  expect((retried.body.data as EndedJson).job_status).toBe("running");
  expect(await jobNow(first.job.id)).toMatchObject({
    status_reason: "waiting_to_retry",
    next_attempt_at: (retried.body.data as EndedJson).next_attempt_at,
  });
  const second = await startRemote();
  const failed = await callAttempt(second.token, "POST", second.run.links.fail, {
    json: { error: { kind: "invalid_input", code: "no_video", message: "The file has no video." } },
  });
  expect(failed.body.data).toEqual({ job_status: "failed", next_attempt_at: null });
  const job = await jobNow(second.job.id);
  expect(job.error).toMatchObject({
    kind: "invalid_input",
    code: "no_video",
    message: "The file has no video.",
  });
  expect(JSON.stringify(await jobNow(first.job.id))).not.toContain("upstream");
});

test("worker_lost: only the service says it", async () => {
  const { run, token } = await startRemote();
  const answer = await callAttempt(token, "POST", run.links.fail, {
    json: { error: { kind: "worker_lost" } },
  });
  expect(refusal(answer)).toEqual([422, "invalid_request"]);
});

test("cancelled while a report waits: 409 at once; the acknowledgement is noted", async () => {
  const { job, run, token } = await startRemote();
  const began = Date.now();
  const waiting = callAttempt(token, "POST", run.links.report, { headers: { Prefer: "wait=30" } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await call("POST", `/v1/jobs/${job.id}/cancel`);
  const told = await waiting;
  expect(refusal(told)).toEqual([409, "attempt_over"]);
  expect(told.problem).toMatchObject({ reason: "cancelled", job_status: "cancelled" });
  expect(Date.now() - began).toBeLessThan(15_000);
  expect((await jobNow(job.id)).cancellation?.acknowledged_at).toBe(null);
  expect((await callAttempt(token, "POST", run.links.acknowledge)).status).toBe(204);
  expect((await jobNow(job.id)).cancellation?.acknowledged_at).not.toBe(null);
});

test("another way to end a run that has ended: 409 finished", async () => {
  const { run, token } = await startRemote();
  await callAttempt(token, "POST", run.links.succeed);
  const late = await callAttempt(token, "POST", run.links.fail, { json: { error: { kind: "timeout" } } });
  expect(refusal(late)).toEqual([409, "attempt_over"]);
  expect(late.problem.reason).toBe("finished");
});

test("an attempt token: no other job, no other attempt, no other route", async () => {
  const { job, run, token } = await startRemote();
  const other = (await submit()).job.id;
  for (const [method, path, status] of [
    ["POST", run.links.report.replace(job.id, other), 404],
    ["POST", run.links.report.replace("/attempts/1/", "/attempts/2/"), 404],
    ["GET", `/v1/jobs/${job.id}`, 403],
    ["GET", "/v1/jobs", 403],
    ["POST", "/v1/claims", 403],
  ] as const)
    expect((await callAttempt(token, method, path)).status, `${method} ${path}`).toBe(status);
  const broken = `${token.slice(0, -2)}${token.endsWith("aa") ? "bb" : "aa"}`;
  expect((await callAttempt(broken, "POST", run.links.report)).status).toBe(401);
  expect(refusal(await call("POST", run.links.report))).toEqual([403, "forbidden"]);
});

test("files of an attempt: belong to the job; it reads them, and what its input names", async () => {
  const text = { "Content-Type": "text/plain" };
  const uploaded = await call("POST", "/v1/files", { body: "in", headers: text });
  const stranger = await call("POST", "/v1/files", { body: "no", headers: text });
  const idOf = (answer: typeof uploaded) => (answer.body.data as { id: string }).id;
  const { job, run, token } = await startRemote({}, { input: { file: idOf(uploaded) } });
  const made = await callAttempt(token, "POST", "/v1/files", { body: "out", headers: text });
  expect(made.status, made.text).toBe(201);
  expect(made.body.data).toMatchObject({ job_id: job.id, purge_at: null });
  for (const [answer, status] of [
    [uploaded, 200],
    [made, 200],
    [stranger, 404],
  ] as const)
    expect((await callAttempt(token, "GET", `/v1/files/${idOf(answer)}`)).status).toBe(status);
  await callAttempt(token, "POST", run.links.succeed);
  const late = await callAttempt(token, "POST", "/v1/files", { body: "late", headers: text });
  expect(refusal(late)).toEqual([409, "attempt_over"]);
  expect((await callAttempt(token, "GET", `/v1/files/${idOf(made)}`)).status).toBe(409);
  expect((await call("DELETE", `/v1/jobs/${job.id}`)).status).toBe(204);
  expect((await call("GET", `/v1/files/${idOf(made)}`)).status).toBe(404);
});

test("result_file: the result route answers with that file", async () => {
  const { job, run, token } = await startRemote({ result_file: "/file" });
  const headers = { "Content-Type": "text/plain" };
  const made = await callAttempt(token, "POST", "/v1/files", { body: "video", headers });
  const { id: file } = made.body.data as { id: string };
  await callAttempt(token, "POST", run.links.succeed, { json: { result: { file } } });
  expect((await call("GET", `/v1/jobs/${job.id}/result`)).text).toBe("video");
});

test("types that no remote worker runs: 422 unknown_job_type", async () => {
  for (const type of ["test.simulate", "none"])
    expect(refusal(await claim([type]))).toEqual([422, "unknown_job_type"]);
});

test("a key without jobs:work: may not claim", async () => {
  const type = await declareType();
  expect(refusal(await claim([type], { as: "parkedReader" }))).toEqual([403, "forbidden"]);
});

test("a queue with concurrency 1: two workers get one job", async () => {
  const type = await declareType();
  await call("PUT", `/v1/queues/${type}`, { json: { limits: { concurrency: 1 } } });
  const first = (await submit({ type })).job;
  const second = (await submit({ type })).job;
  const [run] = await claimed([type], { max_jobs: 5 });
  expect(run?.job.id).toBe(first.id);
  expect(await claimed([type])).toEqual([]);
  expect((await jobNow(second.id)).waiting).toMatchObject({ reason: "concurrency", limit: "concurrency" });
  const waiting = claimed([type], { headers: { Prefer: "wait=20" } });
  await callAttempt(run?.attempt_token ?? "", "POST", run?.links.succeed ?? "");
  expect((await waiting).map(({ job }) => job.id)).toEqual([second.id]);
});

test("the worker that asks: is shown with its queue", async () => {
  const type = await declareType();
  await claimed([type]);
  const queue = (await call("GET", `/v1/queues/${type}`)).body.data as { types: string[]; workers: object[] };
  expect(queue.types).toEqual([type]);
  expect(queue.workers).toMatchObject([{ name: "worker-1", version: "7" }]);
});

test("a wake url, and no worker waits: the fleet is called once; a worker that asks ends it", async () => {
  const type = await declareType({
    worker: { mode: "pull", wake: { url: "https://fleet.example.com/wake" } },
  });
  await submit({ type });
  await submit({ type });
  await expect.poll(() => parkedWakes(type)).toHaveLength(1);
  expect(parkedWakes(type)[0]).toMatchObject({
    tenant: "parked",
    types: [type],
    waiting: 1,
    url: "https://fleet.example.com/wake",
  });
  await claimed([type]);
  await submit({ type });
  await expect.poll(() => parkedWakes(type)).toHaveLength(2);
});
