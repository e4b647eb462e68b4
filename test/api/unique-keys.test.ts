import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { fingerprint } from "../../src/lib/hash.ts";
import { uniqueKeyObject } from "../../src/rpc/unique-key.ts";
import { type Answer, type Call, call, finished, freshKey, refusal, submit, until } from "../support/http.ts";
import { absentJobId } from "../support/job-namespace.ts";
import { begin, fail, succeed } from "../support/moves.ts";

const anywhere = () => `place-${crypto.randomUUID()}`;
const take = (place: string, fields: object = {}, options: Call = {}) =>
  submit({ type: "test.place", input: { place }, ...fields }, options);
const reject = (place: string, options: Call = {}) =>
  call("POST", "/v1/jobs", {
    json: { type: "test.place", input: { place }, on_conflict: "reject" },
    ...options,
  });
const deduplicated = ({ body }: Answer) => body.deduplicated ?? null;
const withKey = (key: string) => ({ headers: { "Idempotency-Key": key } });

describe("a unique key that is owned", () => {
  test("is free for jobs that need another, or none", async () => {
    const place = anywhere();
    await take(place);
    expect(deduplicated(await take(anywhere()))).toBeNull();
    expect((await reject(anywhere())).status).toBe(202);
  });

  test("is another tenant's business", async () => {
    const place = anywhere();
    const mine = await take(place);
    const theirs = await take(place, {}, { as: "parkedOther" });
    expect(deduplicated(theirs)).toBeNull();
    expect(theirs.job.id).not.toBe(mine.job.id);
  });

  test.each([
    ["succeeded", (id: string) => succeed(id)],
    ["failed", (id: string) => fail(id)],
    ["was cancelled while queued", (id: string) => call("POST", `/v1/jobs/${id}/cancel`)],
    [
      "was cancelled while running",
      async (id: string) => {
        await begin(id);
        await call("POST", `/v1/jobs/${id}/cancel`);
      },
    ],
    [
      "was deleted",
      async (id: string) => {
        await succeed(id);
        await call("DELETE", `/v1/jobs/${id}`);
      },
    ],
  ])("is free once its holder %s", async (_what, end) => {
    const place = anywhere();
    const { job } = await take(place);
    await end(job.id);
    const next = await reject(place);
    expect(next.status, next.text).toBe(202);
    expect(next.job.id).not.toBe(job.id);
    expect((await take(place)).job.id).toBe(next.job.id);
  });

  test("by a job that was really running is free once it was cancelled", async () => {
    const place = anywhere();
    const { job } = await take(place, { input: { place, wait: true } }, { as: "acme" });
    await until(job.id, "acme", ({ status }) => status === "running");
    await call("POST", `/v1/jobs/${job.id}/cancel`, { as: "acme" });
    const next = await take(place, {}, { as: "acme" });
    expect(deduplicated(next)).toBeNull();
    expect((await finished(next.job.id)).status).toBe("succeeded");
  });

  test("by a job that was never stored is taken over", async () => {
    const place = anywhere();
    const name = `unique/${await fingerprint(place)}`;
    const ghost = absentJobId();
    const claimed = await uniqueKeyObject(env, { tenant: "parked", type: "test.place" }, name).claim(
      { tenant: "parked", name },
      ghost,
    );
    expect(claimed).toEqual({ ok: true });
    const taken = await take(place);
    expect(deduplicated(taken)).toBeNull();
    expect(taken.job.id).not.toBe(ghost);
    expect((await take(place)).job.id).toBe(taken.job.id);
  });
});

describe("posts for one place at the same moment", () => {
  test("make one job though each has a key of its own", async () => {
    const place = anywhere();
    const answers = await Promise.all(Array.from({ length: 30 }, () => take(place, {}, withKey(freshKey()))));
    expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1);
    expect(answers.filter((answer) => deduplicated(answer) === null)).toHaveLength(1);
  });

  test("let one in and refuse the others, if they ask for that", async () => {
    const place = anywhere();
    const answers = await Promise.all(Array.from({ length: 30 }, () => reject(place)));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      expect(refusal(answer)).toEqual([409, "duplicate_job"]);
      expect(answer.problem.job_id).toBe(accepted[0]?.job.id);
    }
  });
});

describe("a key that was answered with another's job", () => {
  test("keeps that answer, also when the place is free", async () => {
    const [place, key] = [anywhere(), freshKey()];
    const { job } = await take(place);
    expect(deduplicated(await take(place, {}, withKey(key)))).toBe("unique_key");
    await succeed(job.id);
    const again = await take(place, {}, withKey(key));
    expect(again.job).toMatchObject({ id: job.id, status: "succeeded" });
    expect([deduplicated(again), again.headers.get("Idempotent-Replayed")]).toEqual([
      "idempotency_key",
      "true",
    ]);
  });

  test("belongs to that request", async () => {
    const [place, key] = [anywhere(), freshKey()];
    await take(place);
    await take(place, {}, withKey(key));
    const json = { type: "test.place", input: { place: anywhere() } };
    expect(refusal(await call("POST", "/v1/jobs", { json, ...withKey(key) }))).toEqual([
      422,
      "idempotency_key_reused",
    ]);
  });

  test("is free when that job has been deleted", async () => {
    const [place, key] = [anywhere(), freshKey()];
    const { job } = await take(place);
    await take(place, {}, withKey(key));
    await succeed(job.id);
    await call("DELETE", `/v1/jobs/${job.id}`);
    const own = await take(place, {}, withKey(key));
    expect(own.job.id).not.toBe(job.id);
    expect([deduplicated(own), own.headers.get("Idempotent-Replayed")]).toEqual([null, null]);
  });

  test("is not used up if it was refused", async () => {
    const [place, key] = [anywhere(), freshKey()];
    const { job } = await take(place);
    expect((await reject(place, withKey(key))).status).toBe(409);
    await succeed(job.id);
    const own = await reject(place, withKey(key));
    expect(own.status).toBe(202);
    expect(own.job.id).not.toBe(job.id);
  });
});

describe("equal inputs of a type that makes them one job", () => {
  const ask = (n: number, options: Call = {}) =>
    submit({ type: "test.dedupe_window", input: { n } }, options);

  test("are one job, also after it succeeded", async () => {
    const n = Math.random();
    const first = await ask(n);
    const second = await ask(n);
    expect([second.job.id, deduplicated(first), deduplicated(second)]).toEqual([
      first.job.id,
      null,
      "input_hash",
    ]);
    expect(second.headers.has("Idempotent-Replayed")).toBe(false);
    await succeed(first.job.id);
    expect((await ask(n)).job.id).toBe(first.job.id);
    expect((await ask(n, withKey(freshKey()))).job.id).toBe(first.job.id);
  });

  test("are refused with 409 if the client asks for that", async () => {
    const n = Math.random();
    const first = await ask(n);
    const json = { type: "test.dedupe_window", input: { n }, on_conflict: "reject" };
    const second = await call("POST", "/v1/jobs", { json });
    expect([second.status, second.problem.code, second.problem.job_id]).toEqual([
      409,
      "duplicate_job",
      first.job.id,
    ]);
  });

  test("are two jobs if the first failed or was cancelled", async () => {
    for (const end of [fail, (id: string) => call("POST", `/v1/jobs/${id}/cancel`)]) {
      const n = Math.random();
      const first = await ask(n);
      await end(first.job.id);
      const second = await ask(n);
      expect(deduplicated(second)).toBeNull();
      expect(second.job.id).not.toBe(first.job.id);
    }
  });

  test("are two jobs for two tenants, and unequal ones for one", async () => {
    const n = Math.random();
    const { job } = await ask(n);
    expect((await ask(n, { as: "parkedOther" })).job.id).not.toBe(job.id);
    expect((await ask(n + 1)).job.id).not.toBe(job.id);
  });

  test("at the same moment make one job", async () => {
    const n = Math.random();
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(n)));
    expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1);
    expect(answers.filter((answer) => deduplicated(answer) === null)).toHaveLength(1);
  });
});
