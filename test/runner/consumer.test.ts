/** A batch of messages: each is run by itself, and what becomes of one is no matter of the others. */

import { expect, test, vi } from "vitest";
import { objectIdOf } from "../../src/lib/id.ts";
import { absentJobId, jobsWith, type Methods } from "../support/job-namespace.ts";
import { read } from "../support/objects.ts";
import { deliver, messageFor, ownJob, typeThat } from "../support/runs.ts";

const greet = typeThat(async () => ({ hello: "world" }));

test("one bad message never fails its batch", async () => {
  const [good, other] = [await ownJob(), await ownJob()];
  const unknown = { ...messageFor(good), jobId: absentJobId() };
  const result = await deliver(greet, [
    "garbage",
    null,
    { jobId: 7 },
    unknown,
    messageFor(good),
    messageFor(other),
  ]);
  expect(result.outcome).toBe("ok");
  expect(result.explicitAcks).toHaveLength(6);
  expect(result.retryMessages).toEqual([]);
  for (const job of [good, other])
    expect(await read(job)).toMatchObject({ status: "succeeded", result: { hello: "world" } });
});

test("a job type that crashes fails its job and no other", async () => {
  const [first, second] = [await ownJob({}, '"crash"'), await ownJob({}, '"fine"')];
  const type = typeThat(async (_, input) => {
    if (input === "crash") throw new TypeError("secret-internal-detail");
    return input;
  });
  await deliver(type, [messageFor(first), messageFor(second)]);
  expect(await read(first)).toMatchObject({ status: "failed", status_reason: "permanent_failure" });
  expect(await read(second)).toMatchObject({ status: "succeeded", result: "fine" });
});

test("a message whose job cannot be reached comes again, the others are done", {
  timeout: 15_000,
}, async () => {
  const [good, lost] = [await ownJob(), await ownJob()];
  const start = () => Promise.reject(new Error("unreachable"));
  const JOBS = jobsWith((id): Methods => (id === objectIdOf(lost.id) ? { start } : {}));
  const result = await deliver(greet, [messageFor(lost), messageFor(good)], { JOBS });
  expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(["m0"]);
  expect(result.explicitAcks).toEqual(["m1"]);
  expect(await read(good)).toMatchObject({ status: "succeeded" });
  expect(await read(lost)).toMatchObject({ status: "queued" });
});

test("a message delivered twice, at once and again later, runs the code once", async () => {
  const job = await ownJob();
  const run = vi.fn(async () => null);
  await deliver(typeThat(run), [messageFor(job), messageFor(job)]);
  await deliver(typeThat(run), [messageFor(job)]);
  expect(run).toHaveBeenCalledTimes(1);
});

test("with the local queue the batch is answered before its runs have ended", async () => {
  const job = await ownJob();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const type = typeThat(async () => held);
  const delivered = deliver(type, [messageFor(job)], { LOCAL_QUEUE: "true" });
  await vi.waitFor(async () => expect(await read(job)).toMatchObject({ status: "running" }));
  release();
  await delivered;
  expect(await read(job)).toMatchObject({ status: "succeeded", result: null });
});
