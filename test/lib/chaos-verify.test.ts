/** The judgement after chaos, shown a planted fault of every sort: it would find what it is there to find. */

import { describe, expect, test } from "vitest";
import type { Accepted } from "../../scripts/chaos/load.ts";
import {
  type Fault,
  faultsOfJob,
  faultsOfListing,
  faultsOfPlaces,
  faultsOfWebhook,
} from "../../scripts/chaos/verify.ts";
import type { EventView, JobView } from "../../src/rpc/views.ts";

const plan: Accepted["plan"] = {
  kind: "succeeds",
  request: { type: "test.simulate", input: {}, webhook: { url: "http://localhost/" } },
  demanded: { status: "succeeded", status_reason: null, result: 1 },
  cancelAfterMs: null,
  posts: 1,
  place: "desk",
  isReplayed: false,
};
const accepted: Accepted = { id: "job_1", plan, keys: 1 };

const job = {
  id: "job_1",
  type: "test.simulate",
  status: "succeeded",
  status_reason: null,
  created_at: "2026-11-22T12:00:00.000Z",
  finished_at: "2026-11-22T12:00:05.000Z",
  attempt: 1,
  max_attempts: 3,
  attempts: [{ number: 1, status: "succeeded", started_at: "…", finished_at: "…" }],
  result: 1,
  version: 3,
} as unknown as JobView;

const events = ["job.queued", "job.started", "job.succeeded"].map((type, index) => ({
  seq: index + 1,
  type,
})) as EventView[];

const sortsOf = (faults: Fault[]) => faults.map(({ sort }) => sort);
const changed = (fields: object) => ({ ...job, ...fields }) as JobView;

test("a job that ended once, as demanded, has no fault", () => {
  expect(faultsOfJob(accepted, job, events)).toEqual([]);
});

describe("a job that never began", () => {
  const limited: Accepted = {
    ...accepted,
    plan: {
      ...plan,
      request: { ...plan.request, total_timeout_ms: 5_000 },
      demanded: { status: "failed", status_reason: "total_timeout" },
    },
  };
  const unbegun = { status: "cancelled", status_reason: "start_timeout", attempt: 0, attempts: [] };
  const ended = ["job.queued", "job.cancelled"].map((type, index) => ({
    seq: index + 1,
    type,
  })) as EventView[];

  test("cancelled after its total timeout → no fault", () => {
    expect(faultsOfJob(limited, changed({ ...unbegun, result: undefined }), ended)).toEqual([]);
  });

  test("cancelled before its total timeout → wrong", () => {
    const early = changed({ ...unbegun, finished_at: "2026-11-22T12:00:04.000Z" });
    expect(sortsOf(faultsOfJob(limited, early, ended))).toEqual(["wrong"]);
  });

  test("cancelled without a total timeout → wrong", () => {
    expect(sortsOf(faultsOfJob(accepted, changed(unbegun), ended))).toEqual(["wrong"]);
  });
});

describe("a job has a fault that", () => {
  test.each<[string, JobView | null, EventView[], Fault["sort"][]]>([
    ["is not found", null, [], ["lost"]],
    ["did not end", changed({ status: "running" }), events, ["lost"]],
    ["has no final event", job, events.slice(0, 2), ["lost", "wrong", "wrong"]],
    ["ended twice", job, [...events, { ...events[2], seq: 4 } as EventView], ["doubled", "wrong"]],
    ["ended otherwise", changed({ status_reason: "requested" }), events, ["wrong"]],
    ["has another result", changed({ result: 2 }), events, ["wrong"]],
    ["has a gap", job, events.map((event) => ({ ...event, seq: event.seq * 2 })), ["wrong"]],
    ["had too many attempts", changed({ max_attempts: 0 }), events, ["wrong"]],
    ["does not tell an attempt", changed({ attempt: 2 }), events, ["wrong"]],
    ["still attempts", changed({ attempts: [{ number: 1, finished_at: null }] }), events, ["wrong"]],
  ])("%s", (_, found, told, sorts) => {
    expect(sortsOf(faultsOfJob(accepted, found, told))).toEqual(sorts);
  });
});

test("an end that was not told, or told under two ids, is found", () => {
  const hooks = (...ids: string[]) => ({
    url: "",
    idsOf: () => new Map(ids.map((id) => [id, 1])),
    stop: () => undefined,
  });
  expect(faultsOfWebhook(accepted, job, hooks("msg_1"))).toEqual([]);
  expect(sortsOf(faultsOfWebhook(accepted, job, hooks()))).toEqual(["lost"]);
  expect(sortsOf(faultsOfWebhook(accepted, job, hooks("msg_1", "msg_2")))).toEqual(["doubled"]);
});

test("two jobs in one place at one time are found, and two in turn are not", () => {
  const after = (created_at: string) => [
    { plan, job },
    { plan, job: changed({ id: "job_2", created_at }) },
  ];
  expect(faultsOfPlaces(after("2026-11-22T12:00:05.000Z"))).toEqual([]);
  expect(sortsOf(faultsOfPlaces(after("2026-11-22T12:00:04.999Z")))).toEqual(["doubled"]);
});

test("a listing that misses, doubles or misstates a job is found", () => {
  const jobs = new Map([[job.id, job]]);
  expect(faultsOfListing(jobs, [job])).toEqual([]);
  expect(sortsOf(faultsOfListing(jobs, []))).toEqual(["lost"]);
  expect(sortsOf(faultsOfListing(jobs, [job, job]))).toEqual(["doubled"]);
  expect(sortsOf(faultsOfListing(jobs, [changed({ version: 2 })]))).toEqual(["wrong"]);
});
