import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { hex } from "../../src/lib/hash.ts";
import { makeJobId } from "../../src/lib/id.ts";
import { call, type ProblemJson, refusal, submit } from "../support/http.ts";
import { absentJobId } from "../support/job-namespace.ts";
import { succeed } from "../support/moves.ts";
import { hold } from "../support/objects.ts";

/** Every way to ask for a job. */
const asks = [
  ["GET", ""],
  ["HEAD", ""],
  ["GET", "/events"],
  ["GET", "/result"],
  ["GET", "/deliveries"],
  ["POST", "/deliveries/msg_1/redeliver"],
  ["POST", "/cancel"],
  ["POST", "/replay"],
  ["DELETE", ""],
] as const;

describe("a job that is another tenant's", () => {
  test.each(asks)("cannot be told from one that does not exist: %s /v1/jobs/{id}%s", async (method, path) => {
    const { job } = await submit();
    const unknown = (await submit()).job.id;
    await succeed(unknown);
    await call("DELETE", `/v1/jobs/${unknown}`);
    const [foreign, gone, never] = await Promise.all([
      call(method, `/v1/jobs/${job.id}${path}`, { as: "parkedOther" }),
      call(method, `/v1/jobs/${unknown}${path}`, { as: "parked" }),
      call(method, `/v1/jobs/${absentJobId()}${path}`, { as: "parked" }),
    ]);
    expect([foreign.status, gone.status, never.status]).toEqual([404, 404, 404]);
    const plain = ({ text, headers, problem }: { text: string; headers: Headers; problem: ProblemJson }) => {
      const own = [...headers].filter(([name]) => name !== "request-id");
      return [text === "" ? "" : text.replace(problem.instance, "urn:uuid:x"), own];
    };
    expect(plain(foreign)).toEqual(plain(never));
    expect(plain(gone)).toEqual(plain(never));
  });

  test("stays as it is", async () => {
    const { job } = await submit();
    for (const [method, path] of asks) await call(method, `/v1/jobs/${job.id}${path}`, { as: "parkedOther" });
    expect((await call("GET", `/v1/jobs/${job.id}`)).job).toEqual(job);
  });
});

describe("what cannot be a job's id", () => {
  test.each([
    "1",
    "job_",
    `job_01${"0".repeat(24)}`,
    `JOB_01${"0".repeat(24)}`,
    `job_01${"u".repeat(24)}`,
    `job_01${"0".repeat(10_000)}`,
    "file_01h2xcejqtf2nbrexx3vqjhp41",
    "%00",
    "%2e%2e",
    "%F0%9F%98%80",
    "%E0%A4%A",
    "__proto__",
    "' OR 1=1 --",
    "a%2Fcancel",
  ])("does not exist: %s", async (id) => {
    for (const [method, path] of asks) {
      const answer = await call(method, `/v1/jobs/${id}${path}`);
      expect(answer.status).toBe(404);
      if (method !== "HEAD") expect(refusal(answer)).toEqual([404, "not_found"]);
    }
  });
});

describe("asking for what does not exist", () => {
  /** Tables in the object's database: the first thing stored makes one. */
  const tables = (id: string) =>
    runInDurableObject(hold(id).stub, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
    );

  test("stores nothing", async () => {
    const ids = Array.from({ length: 50 }, absentJobId);
    const answers = await Promise.all(ids.map((id) => call("GET", `/v1/jobs/${id}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    for (const id of ids) expect(await tables(id)).toEqual([]);
    expect(await tables((await submit()).job.id)).not.toEqual([]);
  });

  test("an id that this deployment has not made → 404, and no object is asked", async () => {
    const opened = async () => (await listDurableObjectIds(env.JOBS)).length;
    const before = await opened();
    for (let n = 0; n < 20; n += 1) {
      const foreign = makeJobId(hex(crypto.getRandomValues(new Uint8Array(32))));
      expect((await call("GET", `/v1/jobs/${foreign}`)).status).toBe(404);
    }
    expect(await opened()).toBe(before);
  });

  test("stores nothing with any other request either", async () => {
    const id = absentJobId();
    for (const [method, path] of asks) await call(method, `/v1/jobs/${id}${path}`);
    expect(await tables(id)).toEqual([]);
  });
});
