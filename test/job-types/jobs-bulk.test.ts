/** `jobs.bulk` by itself: what it chooses, its pace, and how it goes on after an interruption. */

import { describe, expect, test } from "vitest";
import type { TenantJobAction } from "../../src/job-types/define.ts";
import { Continuation, type JobContext, type JobFilter } from "../../src/job-types/define.ts";
import { BulkFilterSchema, jobsBulk, toJobFilter } from "../../src/job-types/jobs-bulk.ts";
import { fakeJobContext } from "../support/job-context.ts";

const BEFORE = Date.UTC(2026, 10, 22);

/** A tenant with so many jobs, and what is done to them. */
function openTenant(count: number, changes: Partial<JobContext> = {}, isAway = (_id: string) => false) {
  const ids = Array.from({ length: count }, (_, n) => `job_${n}`);
  const acted: [TenantJobAction, string][] = [];
  const filters: JobFilter[] = [];
  const jobs: JobContext["jobs"] = {
    count: async () => count,
    async page(filter, after, limit) {
      filters.push(filter);
      const from = after === null ? 0 : ids.indexOf(after.id) + 1;
      const page = ids.slice(from, from + limit);
      const last = page.at(-1) ?? "";
      const next = from + limit < count ? { createdAt: 0, id: last } : null;
      return { jobs: page.map((id) => ({ createdAt: 0, id })), next };
    },
    async act(action, id) {
      if (isAway(id)) throw new Error("away");
      acted.push([action, id]);
      return id === "job_3" ? "skipped" : "done";
    },
  };
  return { ids, acted, filters, ...fakeJobContext({ jobs, ...changes }) };
}

const AS_OF = new Date(BEFORE).toISOString();
const all = (action: TenantJobAction, per_second = 100) => ({ action, filter: {}, per_second, as_of: AS_OF });

describe("what is chosen", () => {
  test.each([
    ["cancel", undefined, ["queued", "running"]],
    ["replay", undefined, ["succeeded", "failed", "cancelled"]],
    ["delete", ["failed", "running"], ["failed"]],
    ["cancel", ["running", "failed"], ["running"]],
  ] as const)("to %s of %j: those that can be", (action, status, expected) => {
    const filter = status ? { status: [...status] } : {};
    expect(toJobFilter({ action, filter }, BEFORE)?.statuses).toEqual(expected);
  });

  test("nothing, if the action can be taken on none of the states", () => {
    expect(toJobFilter({ action: "cancel", filter: { status: ["failed"] } }, BEFORE)).toBeNull();
    expect(toJobFilter({ action: "delete", filter: { status: [] } }, BEFORE)).toBeNull();
    expect(toJobFilter({ action: "delete", filter: { type: [] } }, BEFORE)).toBeNull();
  });

  test("as_of → no job accepted later, and never a bulk job", () => {
    const later = { created_before: new Date(BEFORE + 9).toISOString() };
    expect(toJobFilter({ action: "replay", filter: later }, BEFORE)).toMatchObject({
      createdBefore: BEFORE + 1,
      exceptTypes: ["jobs.bulk"],
    });
    const earlier = { created_before: new Date(BEFORE - 9).toISOString() };
    expect(toJobFilter({ action: "delete", filter: earlier }, BEFORE)).toMatchObject({
      createdBefore: BEFORE - 9,
      exceptTypes: ["jobs.bulk"],
    });
  });

  test("the type jobs.bulk → refused", () => {
    const { error } = BulkFilterSchema.safeParse({ type: ["csv.import", "jobs.bulk"] });
    expect(error?.issues.map(({ path }) => path)).toEqual([["type"]]);
  });
});

test("acts once on each, reports how far it is, and says what was skipped", async () => {
  const { job, acted, ids, reported } = openTenant(12);
  const result = await jobsBulk.run(all("cancel"), job);
  expect(acted).toEqual(ids.map((id) => ["cancel", id]));
  expect(result).toEqual({ action: "cancel", matched: 12, done: 11, skipped: 1 });
  expect(reported.progress.at(0)).toMatchObject({ current: 0, total: 12, unit: "jobs" });
  expect(reported.progress.at(-1)).toMatchObject({ current: 12, total: 12 });
});

test("remembers when it began before it acts, and how far it is after each page", async () => {
  const { job, reported } = openTenant(150);
  await jobsBulk.run(all("delete"), job);
  expect(reported.checkpoints).toMatchObject([
    { total: 150, done: 0, after: null },
    { total: 150, done: 99, skipped: 1, after: { id: "job_99" } },
  ]);
});

test("goes on where it was interrupted", async () => {
  const checkpoint = {
    total: 150,
    after: { createdAt: 0, id: "job_99" },
    done: 99,
    skipped: 1,
  };
  const { job, acted, filters } = openTenant(150, { checkpoint });
  const result = await jobsBulk.run(all("replay"), job);
  expect(acted.map(([, id]) => id)).toEqual(Array.from({ length: 50 }, (_, n) => `job_${n + 100}`));
  expect(result).toMatchObject({ matched: 150, done: 149, skipped: 1 });
  expect(filters[0]?.createdBefore).toBe(BEFORE + 1);
});

test("bulk: time nearly over → continues in a new run from the job it has reached", async () => {
  const { job, acted } = openTenant(250, { remainingMs: () => 1_000 });
  const result = await jobsBulk.run(all("replay"), job);
  expect(acted).toHaveLength(10);
  expect(result).toBeInstanceOf(Continuation);
  expect((result as Continuation).checkpoint).toMatchObject({ done: 9, skipped: 1, after: { id: "job_9" } });
});

test("bulk: 250 jobs done → continues in a new run, so that calls per invocation are bounded", async () => {
  const { job, acted } = openTenant(300);
  const result = await jobsBulk.run(all("cancel"), job);
  expect(acted).toHaveLength(250);
  expect((result as Continuation).checkpoint).toMatchObject({ after: { id: "job_249" } });
});

test("skips a job that cannot be reached, and says so", async () => {
  const { job, acted, reported } = openTenant(5, {}, (id) => id === "job_2");
  const result = await jobsBulk.run(all("delete"), job);
  expect(acted).toHaveLength(4);
  expect(result).toMatchObject({ matched: 5, done: 3, skipped: 2 });
  expect(reported.logs).toEqual(["job_2 could not be reached and was skipped."]);
});

test("bulk: no job can be reached → waits for another attempt", async () => {
  const { job, reported } = openTenant(40, {}, (id) => Number(id.slice(4)) >= 15);
  const running = jobsBulk.run(all("cancel"), job);
  await expect(running).rejects.toMatchObject({ kind: "service_unavailable", code: "jobs_unreachable" });
  expect(reported.checkpoints).toHaveLength(1);
  expect(jobsBulk.alsoRetry).toContain("internal_error");
});

test("keeps its pace", async () => {
  const { job, acted } = openTenant(12);
  const startedAt = performance.now();
  await jobsBulk.run(all("replay", 20), job);
  expect(acted).toHaveLength(12);
  const earliestMs = 590;
  expect(performance.now() - startedAt).toBeGreaterThan(earliestMs);
});

test("stops when it is cancelled", async () => {
  const stop = new AbortController();
  const { job, acted } = openTenant(50, { signal: stop.signal });
  const running = jobsBulk.run(all("delete", 10), job);
  setTimeout(() => stop.abort(), 50);
  await expect(running).rejects.toThrow();
  expect(acted).toHaveLength(10);
});

test("leaves itself alone", async () => {
  const { job, acted } = openTenant(5, { id: "job_2" });
  await jobsBulk.run(all("cancel"), job);
  expect(acted.map(([, id]) => id)).toEqual(["job_0", "job_1", "job_3", "job_4"]);
});
