/** `POST /v1/bulk` over real jobs: counted first, then done by a job that can be followed and cancelled. */

import { describe, expect, test, vi } from "vitest";
import { call, finished, type JobJson, refusal, submit } from "../support/http.ts";

const as = "globex";
const own = () => `t${crypto.randomUUID().slice(0, 8)}`;

async function listed(team: string, query = ""): Promise<JobJson[]> {
  const answer = await call("GET", `/v1/jobs?metadata[team]=${team}&limit=100${query}`, { as });
  return answer.body.data as JobJson[];
}

/** So many jobs that are done, and listed as such. */
async function finishedJobs(count: number, team: string): Promise<string[]> {
  const jobs = await Promise.all(Array.from({ length: count }, () => submit({ metadata: { team } }, { as })));
  for (const { job } of jobs) await finished(job.id, as);
  await vi.waitFor(async () => expect(await listed(team, "&status=succeeded")).toHaveLength(count));
  return jobs.map(({ job }) => job.id);
}

const bulk = (json: object, headers = {}) => call("POST", "/v1/bulk", { as, json, headers });

async function done(json: object): Promise<JobJson> {
  const answer = await bulk(json);
  expect(answer.status, answer.text).toBe(202);
  expect(answer.job.type).toBe("jobs.bulk");
  expect(answer.headers.get("Location")).toBe(`/v1/jobs/${answer.job.id}`);
  return finished(answer.job.id, as);
}

describe("a bulk job", () => {
  test("replays each once, and not its own replays", async () => {
    const team = own();
    const ids = await finishedJobs(3, team);
    const filter = { metadata: { team }, status: ["succeeded"] };
    const job = await done({ action: "replay", filter, per_second: 100 });
    expect(job).toMatchObject({ status: "succeeded", result: { matched: 3, done: 3 } });
    await vi.waitFor(async () => expect(await listed(team, "&status=succeeded")).toHaveLength(6));
    const sources = (await listed(team)).map(({ replayed_from }) => replayed_from).filter(Boolean);
    expect(sources.sort()).toEqual(ids.sort());
  });

  test("is submitted once with a key", async () => {
    const json = { action: "delete", filter: { metadata: { team: own() } } };
    const key = { "Idempotency-Key": `bulk-${own()}` };
    const [one, two] = [await bulk(json, key), await bulk(json, key)];
    expect(two.job.id).toBe(one.job.id);
    expect(two.headers.get("Idempotent-Replayed")).toBe("true");
    expect(refusal(await bulk({ ...json, action: "cancel" }, key))).toEqual([422, "idempotency_key_reused"]);
  });
});

describe("a request", () => {
  test.each([
    [{}, ["#/action", "#/filter"]],
    [{ action: "retry", filter: {} }, ["#/action"]],
    [{ action: "delete", filter: { status: ["done"] } }, ["#/filter/status/0"]],
    [{ action: "delete", filter: { colour: "blue" } }, ["#/filter/colour"]],
    [{ action: "delete", filter: {}, per_second: 0 }, ["#/per_second"]],
    [{ action: "delete", filter: { created_after: "yesterday" } }, ["#/filter/created_after"]],
    [{ action: "delete", filter: {}, dry: true }, ["#/dry"]],
  ])("%j is refused", async (json, pointers) => {
    const answer = await bulk(json);
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    expect(answer.problem.errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  test("needs the scope to write, even to count", async () => {
    const json = { action: "delete", filter: {}, dry_run: true };
    expect(refusal(await call("POST", "/v1/bulk", { as: "parkedReader", json }))).toEqual([403, "forbidden"]);
  });
});
