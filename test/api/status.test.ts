import { describe, expect, test } from "vitest";
import { call, finished, jobNow, refusal, submit } from "../support/http.ts";
import { begin, finish, succeed } from "../support/moves.ts";

const read = (id: string, headers: Record<string, string> = {}) => call("GET", `/v1/jobs/${id}`, { headers });

describe("a job's status", () => {
  test("between two attempts is still running, and polling is worthwhile when the next is due", async () => {
    const { job } = await submit();
    const lease = await begin(job.id);
    const failure = {
      kind: "rate_limited",
      code: "slow_down",
      message: "Too fast.",
      retryAfterMs: 600_000,
      reference: "ref_1",
    } as const;
    await finish(job.id, lease, { type: "fail", failure });
    const waiting = await read(job.id);
    expect(waiting.job).toMatchObject({
      status: "running",
      status_reason: "waiting_to_retry",
      attempt: 1,
      finished_at: null,
    });
    expect(waiting.job.error).toBeUndefined();
    const dueInMs = Date.parse(waiting.job.next_attempt_at ?? "") - Date.now();
    expect(dueInMs).toBeGreaterThan(590_000);
    expect(Number(waiting.headers.get("Retry-After"))).toBeGreaterThan(590);
  });
});

describe("a status that the client has already", () => {
  test.each(['"1"', 'W/"1"', '"0", "1"', '"x" , W/"1","9"', "*", ' "1" '])(
    "is answered with 304 and no body to If-None-Match: %s",
    async (tag) => {
      const { job } = await submit();
      for (const method of ["GET", "HEAD"]) {
        const answer = await call(method, `/v1/jobs/${job.id}`, { headers: { "If-None-Match": tag } });
        expect([answer.status, answer.text]).toEqual([304, ""]);
        expect(answer.headers.get("ETag")).toBe('"1"');
        expect(answer.headers.get("Cache-Control")).toBe("private, no-cache");
        expect(answer.headers.get("Content-Type")).toBeNull();
      }
    },
  );

  test.each(['"2"', 'W/"2"', '"11"', "1", '"01"', '"*"', "", 'w/"2"', '"1'])(
    "is another one with If-None-Match: %s",
    async (tag) => {
      const { job } = await submit();
      const answer = await read(job.id, { "If-None-Match": tag });
      expect([answer.status, answer.job.id]).toEqual([200, job.id]);
    },
  );
});

describe("a result", () => {
  const result = (id: string) => call("GET", `/v1/jobs/${id}/result`);

  test.each([{ a: [1, "é"] }, null, false, 0, "", "text", []])("is %j itself, as JSON", async (value) => {
    const { job } = await submit();
    await succeed(job.id, value);
    const answer = await result(job.id);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toBe("application/json");
    expect(JSON.parse(answer.text)).toEqual(value);
    expect((await jobNow(job.id)).result).toEqual(value);
  });

  test("that is a file is the file, with its type, and in ranges", async () => {
    const input = { text: "one two three" };
    const { job } = await submit({ type: "test.produces", input }, { as: "acme" });
    const done = await finished(job.id);
    const path = `/v1/jobs/${job.id}/result`;
    const whole = await call("GET", path, { as: "acme" });
    expect([whole.status, whole.text]).toEqual([200, "one two three"]);
    expect(whole.headers.get("Content-Type")).toBe("text/plain");
    const part = await call("GET", path, { as: "acme", headers: { Range: "bytes=4-6" } });
    expect([part.status, part.text]).toEqual([206, "two"]);
    const { file } = done.result as { file: string };
    expect((await call("GET", `/v1/files/${file}`, { as: "acme" })).text).toBe("one two three");
    await call("DELETE", `/v1/jobs/${job.id}`, { as: "acme" });
    expect(refusal(await call("GET", `/v1/files/${file}`, { as: "acme" }))).toEqual([404, "not_found"]);
  });
});
