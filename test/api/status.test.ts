import { describe, expect, test } from "vitest";
import { call, finished, jobNow, refusal, submit } from "../support/http.ts";
import { begin, fail, finish, succeed } from "../support/moves.ts";

const read = (id: string, headers: Record<string, string> = {}) => call("GET", `/v1/jobs/${id}`, { headers });

describe("a job's status", () => {
  test("is answered with 200 whatever it is, and says when to ask again while that is worthwhile", async () => {
    const { job } = await submit();
    const queued = await read(job.id);
    expect(queued.job.status).toBe("queued");
    expect(queued.headers.get("Retry-After")).toBe("1");

    const lease = await begin(job.id);
    const running = await read(job.id);
    expect(running.job).toMatchObject({
      status: "running",
      status_reason: "executing",
      attempt: 1,
      started_at: expect.any(String),
      attempts: [{ number: 1, status: "running", finished_at: null }],
    });
    expect(running.headers.get("Retry-After")).toBe("1");

    await finish(job.id, lease, { type: "succeed", result: '{"n":1}' });
    const done = await read(job.id);
    expect(done.job).toMatchObject({ status: "succeeded", status_reason: null, result: { n: 1 } });
    expect(done.headers.has("Retry-After")).toBe(false);
    expect(Date.parse(done.job.purge_at ?? "") - Date.parse(done.job.finished_at ?? "")).toBe(
      30 * 86_400_000,
    );
    expect("error" in done.job || "cancellation" in done.job).toBe(false);
  });

  test("of a failed job has its error and no result", async () => {
    const { job } = await submit();
    await fail(job.id);
    const failed = await jobNow(job.id);
    expect(failed).toMatchObject({
      status: "failed",
      status_reason: "permanent_failure",
      error: {
        kind: "invalid_input",
        code: "no_such_column",
        message: "There is no such column.",
        reference: "ref_1",
      },
      attempts: [{ status: "failed", error: { code: "no_such_column" } }],
    });
    expect("result" in failed || "cancellation" in failed).toBe(false);
  });

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

  test("grows in version with every change, and the ETag is the version", async () => {
    const { job } = await submit();
    const versions = [job.version];
    const lease = await begin(job.id);
    versions.push((await jobNow(job.id)).version);
    await finish(job.id, lease, { type: "succeed", result: null });
    const last = await read(job.id);
    versions.push(last.job.version);
    expect(versions).toEqual([1, 2, 3]);
    expect(last.headers.get("ETag")).toBe('"3"');
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

  test("is no longer the same once the job has changed", async () => {
    const { job, headers } = await submit();
    const etag = headers.get("ETag") ?? "";
    await begin(job.id);
    const changed = await read(job.id, { "If-None-Match": etag });
    expect([changed.status, changed.headers.get("ETag")]).toEqual([200, '"2"']);
  });
});

describe("a result", () => {
  const result = (id: string) => call("GET", `/v1/jobs/${id}/result`);

  test("of an unfinished job is the job, with 202 and when to ask again", async () => {
    const { job } = await submit();
    for (const move of [async () => undefined, () => begin(job.id)]) {
      await move();
      const answer = await result(job.id);
      expect([answer.status, answer.headers.get("Retry-After")]).toEqual([202, "1"]);
      expect(answer.job).toEqual(await jobNow(job.id));
    }
  });

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

  test("of a job that failed or was cancelled does not exist", async () => {
    const failed = (await submit()).job.id;
    await fail(failed);
    const cancelled = (await submit()).job.id;
    await call("POST", `/v1/jobs/${cancelled}/cancel`);
    for (const [id, status] of [
      [failed, "failed"],
      [cancelled, "cancelled"],
    ] as const) {
      const answer = await result(id);
      expect(refusal(answer)).toEqual([409, "job_without_result"]);
      expect(answer.problem.job_status).toBe(status);
    }
  });
});
