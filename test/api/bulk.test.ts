/** `POST /v1/bulk` over real jobs: counted first, then done by a job that can be followed and cancelled. */

import { describe, expect, test, vi } from "vitest";
import { call, finished, type JobJson, jobNow, refusal, submit } from "../support/http.ts";

const as = "globex";
const own = () => `t${crypto.randomUUID().slice(0, 8)}`;

async function listed(team: string, query = ""): Promise<JobJson[]> {
  const answer = await call("GET", `/v1/jobs?metadata.team=${team}&limit=100${query}`, { as });
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

describe("a dry run", () => {
  test("counts and does nothing", async () => {
    const team = own();
    const ids = await finishedJobs(3, team);
    const answer = await bulk({ action: "delete", filter: { metadata: { team } }, dry_run: true });
    expect([answer.status, answer.body]).toEqual([200, { data: { count: 3 } }]);
    expect((await listed(team)).map(({ id }) => id).sort()).toEqual(ids.sort());
    const cancel = await bulk({ action: "cancel", filter: { metadata: { team } }, dry_run: true });
    expect(cancel.body).toEqual({ data: { count: 0 } });
  });
});

describe("a bulk job", () => {
  test("deletes what the filter chooses, and nothing else", async () => {
    const [team, other] = [own(), own()];
    await finishedJobs(3, team);
    const [kept = ""] = await finishedJobs(1, other);
    const job = await done({ action: "delete", filter: { metadata: { team } }, per_second: 100 });
    expect(job).toMatchObject({ status: "succeeded", result: { matched: 3, done: 3, skipped: 0 } });
    expect(job.progress).toMatchObject({ current: 3, total: 3, percent: 100, unit: "jobs" });
    expect(await listed(team)).toEqual([]);
    expect((await jobNow(kept, as)).status).toBe("succeeded");
  });

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

  test("cancels what runs", async () => {
    const team = own();
    const input = { duration_ms: 60_000 };
    const jobs = await Promise.all([1, 2].map(() => submit({ input, metadata: { team } }, { as })));
    await vi.waitFor(async () => expect(await listed(team)).toHaveLength(2));
    const job = await done({ action: "cancel", filter: { metadata: { team } } });
    expect(job.result).toMatchObject({ done: 2 });
    for (const { job: one } of jobs)
      expect(await jobNow(one.id, as)).toMatchObject({
        status: "cancelled",
        cancellation: { reason: `Cancelled by ${job.id}.`, by: "client" },
      });
  });

  test("can be cancelled itself, and stops", async () => {
    const team = own();
    await finishedJobs(4, team);
    const answer = await bulk({ action: "delete", filter: { metadata: { team } }, per_second: 1 });
    await vi.waitFor(async () => expect(await listed(team)).toHaveLength(3), { timeout: 5_000 });
    await call("POST", `/v1/jobs/${answer.job.id}/cancel`, { as });
    await vi.waitFor(async () =>
      expect((await jobNow(answer.job.id, as)).cancellation?.acknowledged_at).not.toBeNull(),
    );
    expect((await listed(team)).length).toBeGreaterThanOrEqual(2);
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
