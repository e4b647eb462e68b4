import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { isOwnedId, randomOwnedId } from "../../src/lib/id.ts";
import { call, type ProblemJson, refusal, submit } from "../support/http.ts";
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
      call(method, `/v1/jobs/${await randomOwnedId("job", "parked")}${path}`, { as: "parked" }),
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
    const ids = await Promise.all(Array.from({ length: 50 }, () => randomOwnedId("job", "parked")));
    const answers = await Promise.all(ids.map((id) => call("GET", `/v1/jobs/${id}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    for (const id of ids) expect(await tables(id)).toEqual([]);
    expect(await tables((await submit()).job.id)).not.toEqual([]);
  });

  test("does not even ask an object, if the id is misspelt or another tenant's", async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => randomOwnedId("job", "parked-other")));
    for (const id of ids) expect(await isOwnedId("job", "parked", id)).toBe(false);
    for (const id of ids) expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
    const opened = new Set((await listDurableObjectIds(env.JOBS)).map(String));
    const asked = ids.map((id) => env.JOBS.idFromName(`parked/${id}`).toString());
    expect(asked.filter((id) => opened.has(id))).toEqual([]);
  });

  test("stores nothing with any other request either", async () => {
    const id = await randomOwnedId("job", "parked");
    for (const [method, path] of asks) await call(method, `/v1/jobs/${id}${path}`);
    expect(await tables(id)).toEqual([]);
  });
});
