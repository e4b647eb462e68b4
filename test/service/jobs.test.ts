/** A job's life as its client sees it: over real HTTP, through the real queue, in real time. */

import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import type { Job } from "./client.ts";
import { sharedService } from "./service.ts";

const service = sharedService();

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const failing = (kind: string, words: object = {}) => ({ outcome: "fail", kind, ...words });
const succeeding = { outcome: "succeed" };

test.concurrent("a job is accepted, runs with its progress seen moving, and succeeds", async () => {
  const { acme } = service;
  const id = await acme.simulate({ duration_ms: 3_500, steps: 50, result: { hello: "world" } });
  const seen: Job[] = [];
  const job = await acme.waitUntil(id, (now) => seen.push(now) > 0 && now.status === "succeeded");

  const percents = seen.map(({ progress }) => progress?.percent ?? 0);
  expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  expect(new Set(percents.filter((percent) => percent > 0 && percent < 100)).size).toBeGreaterThanOrEqual(2);
  expect(job).toMatchObject({ status_reason: null, attempt: 1, result: { hello: "world" } });
  expect(job.progress).toMatchObject({ current: 50, total: 50, percent: 100 });
  const { status, text } = await acme.call("GET", `/v1/jobs/${id}/result`);
  expect([status, text]).toEqual([200, '{"hello":"world"}']);
});

test.concurrent("a temporary failure is tried again; the job stays running in between", async () => {
  const { acme } = service;
  const unavailable = failing("service_unavailable", { code: "bank_closed", retry_after_ms: 1_500 });
  const id = await acme.simulate({ attempts: [unavailable, succeeding] });
  const waiting = await acme.waitUntil(id, ({ attempts }) => attempts[0]?.status === "failed");

  expect(waiting).toMatchObject({ status: "running", status_reason: "waiting_to_retry", attempt: 1 });
  expect(waiting.attempts[0]?.error).toMatchObject({ kind: "service_unavailable", code: "bank_closed" });
  const job = await acme.finished(id);
  expect(job).toMatchObject({ status: "succeeded", attempt: 2, next_attempt_at: null });
  expect(job.attempts.map(({ status }) => status)).toEqual(["failed", "succeeded"]);
  const startedAt = Date.parse(job.attempts[1]?.started_at ?? "");
  expect(startedAt).toBeGreaterThanOrEqual(Date.parse(waiting.next_attempt_at ?? ""));
  const told = (await acme.events(id)).find(({ type }) => type === "job.attempt_failed");
  expect(told?.data).toMatchObject({ attempt: 1, next_attempt_at: waiting.next_attempt_at });
});

test.concurrent("when no attempt is left, the job has failed", async () => {
  const { acme } = service;
  const id = await acme.simulate({ attempts: [failing("timeout")] }, { max_attempts: 2 });
  const job = await acme.finished(id);
  expect(job).toMatchObject({ status: "failed", status_reason: "attempts_exhausted", attempt: 2 });
  expect(job.error).toMatchObject({ kind: "timeout" });
});

test.concurrent("a permanent failure is not tried again, and says what its type declared", async () => {
  const { acme } = service;
  const words = { code: "unknown_currency", message: "There is no currency XYZ." };
  const id = await acme.simulate({ attempts: [failing("invalid_input", words), succeeding] });
  const job = await acme.finished(id);
  expect(job).toMatchObject({ status: "failed", status_reason: "permanent_failure", attempt: 1 });
  expect(job.error).toMatchObject({ kind: "invalid_input", ...words });
  expect((await acme.call("GET", `/v1/jobs/${id}/result`)).status).toBe(409);
});

test.concurrent("the text of an exception is in the log beside its reference, and in no answer", async () => {
  const { acme } = service;
  const message = `secret-internal-detail ${randomUUID()}`;
  const id = await acme.simulate({ attempts: [{ outcome: "crash", message }] });
  const job = await acme.finished(id);
  expect(job.error).toMatchObject({ kind: "internal_error", message: "The job could not be completed." });

  for (const path of ["", "/events", "/result"]) {
    const { text } = await acme.call("GET", `/v1/jobs/${id}${path}`);
    expect(text).not.toContain("secret-internal-detail");
  }
  const reference = job.error?.reference;
  const logged = () => {
    const line = service.logOf(id).find(({ event }) => event === "attempt_threw");
    expect(line).toMatchObject({ reference, error: { message } });
  };
  await vi.waitFor(logged);
});

test.concurrent("a running job that is cancelled stops, and says when it really had", async () => {
  const { acme } = service;
  const id = await acme.simulate({ duration_ms: 60_000, steps: 600 });
  await acme.waitUntil(id, ({ status_reason }) => status_reason === "executing");
  const { status, data } = await acme.cancel(id);
  expect(status).toBe(200);
  expect(data).toMatchObject({ status: "cancelled", status_reason: "requested" });
  expect(data.cancellation).toMatchObject({ by: "client", acknowledged_at: null });

  const job = await acme.waitUntil(id, ({ cancellation }) => cancellation?.acknowledged_at !== null, 7_000);
  expect(job.status).toBe("cancelled");
  expect((await acme.cancel(id)).data).toEqual(job);
});

test.concurrent("a cancelled job's code that goes on changes nothing, and is acknowledged when it has stopped", async () => {
  const { acme } = service;
  const id = await acme.simulate({
    duration_ms: 3_000,
    ignore_cancel: true,
    heartbeats: false,
    result: "late",
  });
  await acme.waitUntil(id, ({ status_reason }) => status_reason === "executing");
  await acme.cancel(id);
  const job = await acme.waitUntil(id, ({ cancellation }) => cancellation?.acknowledged_at !== null);
  expect(job.status).toBe("cancelled");
  expect(job).not.toHaveProperty("result");
  const events = await acme.events(id);
  expect(events.at(-1)?.type).toBe("job.cancelled");
  const ranMs = Date.parse(job.cancellation?.acknowledged_at ?? "") - Date.parse(job.started_at ?? "");
  expect(ranMs).toBeGreaterThanOrEqual(3_000);
});

test.concurrent("a job that hangs fails at its time limit", async () => {
  const { acme } = service;
  const id = await acme.simulate({ attempts: [{ outcome: "hang" }] }, { total_timeout_ms: 1_500 });
  const job = await acme.finished(id);
  expect(job).toMatchObject({ status: "failed", status_reason: "total_timeout" });
  expect(job.attempts[0]?.status).toBe("timed_out");
  const tookMs = Date.parse(job.finished_at ?? "") - Date.parse(job.created_at);
  expect(tookMs).toBeGreaterThanOrEqual(1_500);
  expect(tookMs).toBeLessThan(6_000);
});

test.concurrent("a scheduled job begins when it is due, not before", async () => {
  const { acme } = service;
  const runAt = inMs(2_000);
  const id = await acme.simulate({}, { run_at: runAt });
  const scheduled = await acme.read(id);
  expect(scheduled).toMatchObject({ status: "queued", status_reason: "scheduled", next_attempt_at: runAt });
  const job = await acme.finished(id);
  expect(job.status).toBe("succeeded");
  expect(Date.parse(job.started_at ?? "")).toBeGreaterThanOrEqual(Date.parse(runAt));
});

test.concurrent("a job that could not begin in time is cancelled as expired", async () => {
  const { acme } = service;
  const id = await acme.simulate({ duration_ms: 60_000 }, { start_timeout_ms: 1, run_at: inMs(1_000) });
  const job = await acme.finished(id);
  expect(job).toMatchObject({ status: "cancelled", status_reason: "start_timeout", attempt: 0 });
  expect(job.cancellation).toMatchObject({ by: "system", acknowledged_at: expect.any(String) });
});

test.concurrent("what another tenant owns does not exist", async () => {
  const { acme, globex } = service;
  const id = await acme.simulate({ duration_ms: 3_000 });
  const absent = "job_01h2xcejqtf2nbrexx3vqjhp41";
  const without = (text: string) => text.replace(/urn:uuid:[^"]+/, "");
  const routes: [string, string][] = [
    ["GET", ""],
    ["GET", "/events"],
    ["GET", "/result"],
    ["POST", "/cancel"],
    ["POST", "/replay"],
    ["DELETE", ""],
  ];
  for (const [method, path] of routes) {
    const foreign = await globex.call(method, `/v1/jobs/${id}${path}`);
    const missing = await globex.call(method, `/v1/jobs/${absent}${path}`);
    expect([foreign.status, without(foreign.text)]).toEqual([404, without(missing.text)]);
  }
  expect((await acme.finished(id)).status).toBe("succeeded");
});

test.concurrent("any number of simultaneous posts with one key make one job", async () => {
  const { acme, globex } = service;
  const headers = { "Idempotency-Key": randomUUID() };
  const request = { type: "test.simulate", input: { duration_ms: 500 } };
  const post = () => acme.call<Job>("POST", "/v1/jobs", request, headers);
  const answers = await Promise.all(Array.from({ length: 100 }, post));

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  const ids = new Set(answers.map(({ data }) => data.id));
  expect(ids.size).toBe(1);
  const first = answers.filter((answer) => !answer.headers.has("Idempotent-Replayed"));
  expect(first).toHaveLength(1);
  const [id = ""] = ids;
  expect((await acme.finished(id)).attempt).toBe(1);
  expect(await globex.submit(request, headers)).not.toBe(id);
});
