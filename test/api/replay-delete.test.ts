import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import {
  type Answer,
  type Call,
  call,
  type EventJson,
  finished,
  freshKey,
  jobNow,
  refusal,
  submit,
} from "../support/http.ts";
import { begin, fail, succeed } from "../support/moves.ts";
import { hold } from "../support/objects.ts";

const replay = (id: string, options: Call = {}) => call("POST", `/v1/jobs/${id}/replay`, options);
const remove = (id: string) => call("DELETE", `/v1/jobs/${id}`);
const cancel = (id: string) => call("POST", `/v1/jobs/${id}/cancel`);
const withKey = (key: string) => ({ headers: { "Idempotency-Key": key } });
const isReplayed = ({ headers }: Answer) => headers.get("Idempotent-Replayed");

const ends: [string, (id: string) => Promise<unknown>][] = [
  ["succeeded", (id) => succeed(id)],
  ["failed", (id) => fail(id)],
  ["cancelled", cancel],
];
const moves: [string, (id: string) => Promise<unknown>][] = [
  ["queued", async () => undefined],
  ["running", (id) => begin(id)],
];

describe("a replay", () => {
  test.each(ends)("of a job that is %s is a new job of the same type and input", async (status, end) => {
    const { job } = await submit({ input: { steps: 3 }, metadata: { a: "b" } });
    await end(job.id);
    const answer = await replay(job.id);
    expect(answer.status).toBe(202);
    expect(answer.job).toMatchObject({
      type: "test.simulate",
      status: "queued",
      replayed_from: job.id,
      metadata: { a: "b" },
      attempt: 0,
      version: 1,
    });
    expect(answer.job.id).not.toBe(job.id);
    expect(answer.headers.get("Location")).toBe(`/v1/jobs/${answer.job.id}`);
    expect(answer.headers.get("Link")).toBe(`</v1/jobs/${answer.job.id}>; rel="monitor"`);
    expect(await jobNow(answer.job.id)).toEqual(answer.job);
    expect((await jobNow(job.id)).status).toBe(status);
  });

  test("does the same work", async () => {
    const { job } = await submit({ input: { result: { n: 42 } } }, { as: "acme" });
    await finished(job.id);
    const again = await replay(job.id, { as: "acme", json: {} });
    expect(await finished(again.job.id)).toMatchObject({
      status: "succeeded",
      result: { n: 42 },
      replayed_from: job.id,
    });
  });

  test.each(moves)("of a job that is %s is refused", async (status, move) => {
    const { job } = await submit();
    await move(job.id);
    const answer = await replay(job.id);
    expect(refusal(answer)).toEqual([409, "job_not_finished"]);
    expect(answer.problem.job_status).toBe(status);
  });

  test("with a key happens once, and is not the request that made the job", async () => {
    const [key, first] = [freshKey(), freshKey()];
    const { job } = await submit({}, withKey(first));
    await succeed(job.id);
    const answers = await Promise.all(Array.from({ length: 10 }, () => replay(job.id, withKey(key))));
    expect(new Set(answers.map((answer) => answer.job.id)).size).toBe(1);
    expect(answers.filter((answer) => isReplayed(answer) === null)).toHaveLength(1);
    expect(refusal(await replay(job.id, withKey(first)))).toEqual([422, "idempotency_key_reused"]);
    const other = (await submit()).job.id;
    await succeed(other);
    expect(refusal(await replay(other, withKey(key)))).toEqual([422, "idempotency_key_reused"]);
    expect(refusal(await replay(job.id, withKey("not ok")))).toEqual([400, "invalid_idempotency_key"]);
  });

  test("without a key happens each time", async () => {
    const { job } = await submit();
    await succeed(job.id);
    expect((await replay(job.id)).job.id).not.toBe((await replay(job.id)).job.id);
  });

  test("of a job whose equal inputs are one job is a new job all the same: it was asked for", async () => {
    const { job } = await submit({ type: "test.dedupe_window", input: { n: Math.random() } });
    await succeed(job.id);
    const answer = await replay(job.id);
    expect(answer.job).toMatchObject({ status: "queued", replayed_from: job.id });
    expect(isReplayed(answer)).toBeNull();
  });

  test("takes the place its job had, or is answered with who has it now", async () => {
    const input = { place: crypto.randomUUID() };
    const { job } = await submit({ type: "test.place", input });
    await succeed(job.id);
    const again = await replay(job.id);
    expect(again.body.deduplicated).toBeUndefined();
    const third = await replay(job.id);
    expect([third.job.id, third.body.deduplicated]).toEqual([again.job.id, "unique_key"]);
  });

  test("has no fields", async () => {
    const { job } = await submit();
    await succeed(job.id);
    const answer = await replay(job.id, { json: { input: {} } });
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(["#/input"]);
  });
});

describe("deleting a job", () => {
  test.each(moves)("that is %s is refused, and does not cancel it", async (status, move) => {
    const { job } = await submit();
    await move(job.id);
    const before = await jobNow(job.id);
    const answer = await remove(job.id);
    expect(refusal(answer)).toEqual([409, "job_not_finished"]);
    expect(answer.problem.job_status).toBe(status);
    expect(await jobNow(job.id)).toEqual(before);
  });

  test.each(ends)("that is %s removes it from everywhere", async (_status, end) => {
    const { job } = await submit();
    await end(job.id);
    const answer = await remove(job.id);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    const asks = ["", "/events", "/result"].map((path) => call("GET", `/v1/jobs/${job.id}${path}`));
    for (const gone of await Promise.all([...asks, remove(job.id), cancel(job.id), replay(job.id)])) {
      expect(refusal(gone)).toEqual([404, "not_found"]);
    }
  });

  test("leaves its replays, which name what no longer exists", async () => {
    const { job } = await submit();
    await succeed(job.id);
    const again = await replay(job.id);
    await remove(job.id);
    expect((await jobNow(again.job.id)).replayed_from).toBe(job.id);
  });

  test("leaves no row behind", async () => {
    const { job } = await submit();
    await succeed(job.id, "x".repeat(100_000));
    await remove(job.id);
    const stub = hold(job.id).stub;
    const [rows, alarm] = await runInDurableObject(stub, async (_, { storage }) => {
      return [[...storage.kv.list()], await storage.getAlarm()];
    });
    expect([rows, alarm]).toEqual([[], null]);
  });
});

describe("a job's events", () => {
  const events = async (id: string, query = "") => {
    const answer = await call("GET", `/v1/jobs/${id}/events${query}`);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get("Cache-Control")).toBe("private, no-cache");
    return answer.body.data as EventJson[];
  };

  test("tell its history, counted without a gap", async () => {
    const { job } = await submit();
    await fail(job.id);
    const told = await events(job.id);
    expect(told.map(({ seq, type }) => [seq, type])).toEqual([
      [1, "job.queued"],
      [2, "job.started"],
      [3, "job.attempt_failed"],
      [4, "job.failed"],
    ]);
    expect(told[2]?.data).toMatchObject({
      attempt: 1,
      next_attempt_at: null,
      error: { code: "no_such_column" },
    });
  });

  test("after one of them are those that follow", async () => {
    const { job } = await submit();
    await succeed(job.id);
    const all = await events(job.id);
    for (const after of [0, 1, 2, 3, 4, 999_999_999_999_999]) {
      expect(await events(job.id, `?after=${after}`)).toEqual(all.filter(({ seq }) => seq > after));
    }
  });

  test.each(["-1", "1.5", "x", "", "1e3", "9999999999999999", "0x1", "%201"])(
    "after %j cannot be",
    async (after) => {
      const { job } = await submit();
      const answer = await call("GET", `/v1/jobs/${job.id}/events?after=${after}`);
      expect(refusal(answer)).toEqual([400, "malformed_request"]);
    },
  );
});
