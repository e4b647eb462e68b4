import { describe, expect, test } from "vitest";
import { type Call, call, jobNow, refusal, submit, until } from "../support/http.ts";
import { begin, fail, succeed } from "../support/moves.ts";

const cancel = (id: string, options: Call = {}) => call("POST", `/v1/jobs/${id}/cancel`, options);

describe("cancelling a job", () => {
  test("that is queued ends it at once", async () => {
    const { job } = await submit();
    const answer = await cancel(job.id, { json: { reason: "Ordered twice." } });
    expect(answer.status).toBe(200);
    expect(answer.job).toMatchObject({
      status: "cancelled",
      status_reason: "requested",
      version: 2,
      attempts: [],
    });
    const { cancellation, finished_at } = answer.job;
    expect(cancellation).toMatchObject({ reason: "Ordered twice.", by: "client", requested_at: finished_at });
    expect(cancellation?.acknowledged_at).toBe(cancellation?.requested_at);
    expect(answer.headers.get("ETag")).toBe('"2"');
    expect(answer.headers.has("Retry-After")).toBe(false);
    expect(await jobNow(job.id)).toEqual(answer.job);
  });

  test("that is running stops its code, and says when that has happened", async () => {
    const input = { place: crypto.randomUUID(), wait: true };
    const { job } = await submit({ type: "test.place", input }, { as: "acme" });
    await until(job.id, "acme", ({ status }) => status === "running");
    const answer = await cancel(job.id, { as: "acme" });
    expect(answer.job).toMatchObject({ status: "cancelled", attempts: [{ status: "cancelled" }] });
    expect(answer.job.cancellation?.acknowledged_at).toBeNull();
    const stopped = await until(job.id, "acme", ({ cancellation }) => cancellation?.acknowledged_at !== null);
    expect(stopped).toMatchObject({ status: "cancelled", version: answer.job.version + 1 });
  }, 15_000);

  test("again changes nothing, whatever reason is given", async () => {
    const { job } = await submit();
    const first = await cancel(job.id, { json: { reason: "first" } });
    const second = await cancel(job.id, { json: { reason: "second" } });
    expect([second.status, second.job]).toEqual([200, first.job]);
  });

  test("at the same moment many times cancels it once", async () => {
    const { job } = await submit();
    const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(job.id)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.job.version).toBe(2);
  });

  test.each([
    ["succeeded", (id: string) => succeed(id)],
    ["failed", (id: string) => fail(id)],
  ])("that has %s is refused, and the job stays as it is", async (status, end) => {
    const { job } = await submit();
    await end(job.id);
    const before = await jobNow(job.id);
    const answer = await cancel(job.id);
    expect(refusal(answer)).toEqual([409, "job_not_cancellable"]);
    expect(answer.problem.job_status).toBe(status);
    expect(await jobNow(job.id)).toEqual(before);
  });
});

describe("the body of a cancellation", () => {
  test.each<[string, Call]>([
    ["be missing", {}],
    ["be empty", { body: "" }],
    ["be empty, with a type", { body: "", headers: { "Content-Type": "application/json" } }],
    ["be missing, with a type", { headers: { "Content-Type": "application/json" } }],
    [
      "be an empty stream, with a type",
      { body: emptyStream(), headers: { "Content-Type": "application/json" } },
    ],
    ["be an empty object", { json: {} }],
    ["have an empty reason", { json: { reason: "" } }],
    ["have a reason of 200 characters", { json: { reason: "😀".repeat(200) } }],
  ])("may %s", async (_what, options) => {
    const { job } = await submit();
    const answer = await cancel(job.id, options);
    expect([answer.status, answer.job.status]).toEqual([200, "cancelled"]);
  });

  test.each<[string, Call, number, string | null]>([
    ["a reason of 201 characters", { json: { reason: "r".repeat(201) } }, 422, "#/reason"],
    ["a reason that is no string", { json: { reason: 1 } }, 422, "#/reason"],
    ["a reason that is null", { json: { reason: null } }, 422, "#/reason"],
    ["an unknown field", { json: { why: "so" } }, 422, "#/why"],
    ["a list", { json: [] }, 422, "#"],
    ["half an object", { body: '{"reason":', headers: { "Content-Type": "application/json" } }, 400, null],
    [
      "another type",
      { body: "reason=x", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
      415,
      null,
    ],
    ["no type", { body: new TextEncoder().encode("{}") }, 415, null],
  ])("must not be or have %s", async (_what, options, status, pointer) => {
    const { job } = await submit();
    const answer = await cancel(job.id, options);
    expect(answer.status).toBe(status);
    if (pointer !== null) expect(answer.problem.errors?.map((fault) => fault.pointer)).toEqual([pointer]);
    expect(await jobNow(job.id)).toEqual(job);
  });
});

function emptyStream(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.close() });
}

describe("If-Match of a cancellation", () => {
  test.each(['"1"', '"0", "1"', ' "7" ,"1"', "*"])("lets it happen with %s", async (tag) => {
    const { job } = await submit();
    expect((await cancel(job.id, { headers: { "If-Match": tag } })).job.status).toBe("cancelled");
  });

  test.each(['"2"', 'W/"1"', '"2", W/"1"', '"01"', "1", "nonsense", '"1'])(
    "prevents it with %s",
    async (tag) => {
      const { job } = await submit();
      const answer = await cancel(job.id, { headers: { "If-Match": tag } });
      expect(refusal(answer)).toEqual([412, "precondition_failed"]);
      expect(await jobNow(job.id)).toEqual(job);
    },
  );

  test("prevents it once the job has changed", async () => {
    const { job, headers } = await submit();
    await begin(job.id);
    const answer = await cancel(job.id, { headers: { "If-Match": headers.get("ETag") ?? "" } });
    expect(refusal(answer)).toEqual([412, "precondition_failed"]);
    expect((await jobNow(job.id)).status).toBe("running");
  });
});
