import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { ReplayRequestSchema } from "../../src/submission/request.ts";
import { type Answer, type Call, call, finished, jobNow, refusal, submit } from "../support/http.ts";
import { fail, succeed } from "../support/moves.ts";
import { hold } from "../support/objects.ts";
import { declareQueue } from "../support/remote.ts";

const replay = (id: string, options: Call = {}) => call("POST", `/v1/jobs/${id}/replay`, options);
const remove = (id: string) => call("DELETE", `/v1/jobs/${id}`);
const cancel = (id: string) => call("POST", `/v1/jobs/${id}/cancel`);
const isReplayed = ({ headers }: Answer) => headers.get("Idempotent-Replayed");

const ends: [string, (id: string) => Promise<unknown>][] = [
  ["succeeded", (id) => succeed(id)],
  ["failed", (id) => fail(id)],
  ["cancelled", cancel],
];
describe("a replay", () => {
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

  test("every optional field → kept as the client had set it, but for the time and the conflict", async () => {
    const set = {
      metadata: { team: "a" },
      max_attempts: 1,
      total_timeout_ms: 4_000,
      start_timeout_ms: 3_000,
      webhook: { url: "https://hooks.example.com/", events: ["job.failed"] },
      queue: await declareQueue({}),
      priority: 7,
      concurrency_key: "acct_1",
    };
    const replacedAnew = ["run_at", "on_conflict", "token"];
    const optional = Object.keys(ReplayRequestSchema.shape).filter((field) => field !== "input");
    expect(Object.keys(set).concat(replacedAnew).sort()).toEqual(optional.sort());
    const { job } = await submit(set);
    await fail(job.id);
    const again = (await replay(job.id)).job;
    const { queue, priority, concurrency_key, metadata, webhook } = set;
    expect(again).toMatchObject({ replayed_from: job.id, max_attempts: 1, metadata, webhook });
    expect(again).toMatchObject({ queue, priority, concurrency_key });
    const source = await hold(again.id).api().replaySource();
    expect(source).toMatchObject({
      maxAttempts: 1,
      totalTimeoutMs: 4_000,
      startTimeoutMs: 3_000,
      webhook: set.webhook,
    });
  });

  test("fields in the body → replace those of the source", async () => {
    const { job } = await submit({ input: { steps: 2 }, metadata: { a: "1" }, max_attempts: 1 });
    await succeed(job.id);
    const json = { input: { steps: 3 }, max_attempts: 2 };
    const again = (await replay(job.id, { json })).job;
    expect(again).toMatchObject({ max_attempts: 2, metadata: { a: "1" } });
    expect((await hold(again.id).api().replaySource())?.input).toBe('{"steps":3}');
  });

  test.each([
    [{ type: "test.simulate" }, "#/type"],
    [{ colour: "red" }, "#/colour"],
    [{ input: { steps: 0 } }, "#/input/steps"],
    [[], "#"],
  ])("the body %j → refused", async (json, pointer) => {
    const { job } = await submit();
    await succeed(job.id);
    const answer = await replay(job.id, { json });
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });
});

describe("deleting a job", () => {
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
  test.each(["-1", "1.5", "x", "1e3", "0x1", "%201"])("after %j cannot be", async (after) => {
    const { job } = await submit();
    const answer = await call("GET", `/v1/jobs/${job.id}/events?after=${after}`);
    expect(refusal(answer)).toEqual([400, "malformed_request"]);
  });
});
