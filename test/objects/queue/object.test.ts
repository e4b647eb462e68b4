/** A queue's object: what comes late, twice or never. */

import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { QueueEntry } from "../../../src/core/queue.ts";
import { defaultQueueLimits } from "../../../src/core/queue.ts";
import { queueObject } from "../../../src/rpc/queue.ts";

let entered = 0;

function entryOf(changes: Partial<QueueEntry> = {}): QueueEntry {
  entered += 1;
  return {
    jobId: `job-${entered}`,
    tenant: "parked",
    weight: 1,
    type: "test.simulate",
    isRemote: false,
    key: null,
    enteredAt: entered,
    priority: 0,
    attempt: 1,
    continuation: 0,
    attemptTimeoutMs: 60_000,
    ...changes,
  };
}

async function narrowQueue(concurrency = 1) {
  const name = `queue-${crypto.randomUUID()}`;
  const queue = () => queueObject(env, { tenant: "parked", name });
  await queue().change({ type: "set_limits", limits: { ...defaultQueueLimits, concurrency } }, null);
  return queue;
}

test("entering twice: one place, and the same answer", async () => {
  const queue = await narrowQueue();
  const [first, second] = [entryOf(), entryOf()];
  for (let times = 0; times < 2; times += 1) {
    expect((await queue().enter(first, true)).kind).toBe("granted");
    expect((await queue().enter(second, true)).kind).toBe("waiting");
  }
  expect(await queue().read(null)).toMatchObject({ running: 1, waiting: 1 });
});

test("a departure that comes late: does not free the slot of the next attempt", async () => {
  const queue = await narrowQueue();
  const first = entryOf();
  await queue().enter(first, true);
  await queue().enter({ ...first, attempt: 2 }, false);
  await queue().leave(first.jobId, 1);
  expect(await queue().read(null)).toMatchObject({ running: 1 });
  expect((await queue().enter(entryOf(), true)).kind).toBe("waiting");
});

test("an attempt that enters late: does not replace the next one", async () => {
  const queue = await narrowQueue();
  const first = entryOf({ attempt: 2 });
  await queue().enter(first, true);
  expect((await queue().enter({ ...first, attempt: 1 }, false)).kind).toBe("waiting");
  expect(await queue().read(null)).toMatchObject({ running: 1, waiting: 0 });
});

test("a retry: enters again at its old place, before those that came after it", async () => {
  const queue = await narrowQueue();
  const [first, second, third] = [entryOf(), entryOf(), entryOf()];
  await queue().enter(first, true);
  await queue().enter(second, true);
  await queue().leave(first.jobId, 1);
  await queue().enter(third, true);
  await queue().enter({ ...first, attempt: 2 }, false);
  expect(await queue().waiting(first.jobId)).toMatchObject({ position: 1 });
  expect(await queue().waiting(third.jobId)).toMatchObject({ position: 2 });
});

test("accepted jobs: are taken in beyond the backlog, submissions are not", async () => {
  const queue = await narrowQueue();
  await queue().change(
    { type: "set_limits", limits: { ...defaultQueueLimits, concurrency: 1, backlog: 1 } },
    null,
  );
  await queue().enter(entryOf(), true);
  await queue().enter(entryOf(), true);
  expect((await queue().enter(entryOf(), true)).kind).toBe("full");
  expect((await queue().enter(entryOf(), false)).kind).toBe("waiting");
});

test("a remote job whose worker never started it: offered again when it enters again", async () => {
  const queue = await narrowQueue();
  const entry = entryOf({ isRemote: true, type: "remote" });
  await queue().enter(entry, true);
  const worker = { name: "w", version: null };
  const request = { tenant: "parked", types: ["remote"], jobsMax: 1, worker };
  expect((await queue().claim({ ...request, claim: "a" })).entries).toHaveLength(1);
  expect((await queue().claim({ ...request, claim: "b" })).entries).toHaveLength(0);
  await queue().enter({ ...entry, continuation: 1 }, false);
  expect((await queue().claim({ ...request, claim: "b" })).entries).toMatchObject([{ continuation: 1 }]);
  expect(await queue().read(null)).toMatchObject({ running: 1, waiting: 0 });
});

test("another tenant's worker, or one of other types: gets nothing", async () => {
  const queue = await narrowQueue();
  await queue().enter(entryOf({ isRemote: true, type: "remote" }), true);
  const request = { jobsMax: 1, claim: "a", worker: { name: "w", version: null } };
  for (const [tenant, types] of [
    ["acme", ["remote"]],
    ["parked", ["other"]],
  ] as const)
    expect((await queue().claim({ ...request, tenant, types })).entries).toEqual([]);
});
