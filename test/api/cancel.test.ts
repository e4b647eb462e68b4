import { describe, expect, test } from "vitest";
import { type Call, call, jobNow, refusal, submit } from "../support/http.ts";

const cancel = (id: string, options: Call = {}) => call("POST", `/v1/jobs/${id}/cancel`, options);

describe("cancelling a job", () => {
  test("at the same moment many times cancels it once", async () => {
    const { job } = await submit();
    const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(job.id)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.job.version).toBe(2);
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
  test.each(['"1"', '"0", "1"', ' "7" ,"1"', "*", 'W/"1"', '"1.7"', '"2", W/"1"'])(
    "lets it happen with %s",
    async (tag) => {
      const { job } = await submit();
      expect((await cancel(job.id, { headers: { "If-Match": tag } })).job.status).toBe("cancelled");
    },
  );

  test.each(['"2"', '"01"', "1", "nonsense", '"1'])("prevents it with %s", async (tag) => {
    const { job } = await submit();
    const answer = await cancel(job.id, { headers: { "If-Match": tag } });
    expect(refusal(answer)).toEqual([412, "precondition_failed"]);
    expect(await jobNow(job.id)).toEqual(job);
  });
});
