/** Messages of the queue of deliveries: which lead to a try and which do not, and that one never minds another. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { objectIdOf } from "../../src/lib/id.ts";
import { jobObject } from "../../src/rpc/job.ts";
import {
  consume,
  deliveryOf,
  messageFor,
  playReceiver,
  succeededJob,
  watchLog,
} from "../support/deliveries.ts";
import { absentJobId, jobsWith, type Methods } from "../support/job-namespace.ts";
import { TENANT } from "../support/objects.ts";

afterEach(() => void vi.restoreAllMocks());

describe("a message", () => {
  test("invalid, or of no pending attempt → nothing posted, other messages unaffected", async () => {
    const received = playReceiver(() => new Response());
    const [job, other] = [await succeededJob(), await succeededJob()];
    const good = await messageFor(job);
    const result = await consume([
      "garbage",
      null,
      { ...good, attempt: 0 },
      { ...good, jobId: absentJobId() },
      { ...good, deliveryId: "msg_other_1" },
      { ...good, attempt: 2 },
      good,
      await messageFor(other),
    ]);
    expect(result.explicitAcks).toHaveLength(8);
    expect(received).toHaveLength(2);
    for (const one of [job, other]) expect((await deliveryOf(one)).status).toBe("succeeded");
  });

  test("delivered again after its attempt → nothing posted", async () => {
    const received = playReceiver(() => new Response());
    const job = await succeededJob();
    const message = await messageFor(job);
    await consume([message]);
    await consume([message]);
    expect(received).toHaveLength(1);
  });

  test("job unreachable → retried, others acknowledged", { timeout: 15_000 }, async () => {
    playReceiver(() => new Response());
    const [lost, good] = [await succeededJob(), await succeededJob()];
    const delivery = () => Promise.reject(new Error("unreachable"));
    const JOBS = jobsWith((id): Methods => (id === objectIdOf(lost.id) ? { delivery } : {}));
    const result = await consume([await messageFor(lost), await messageFor(good)], { JOBS });
    expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(["m0"]);
    expect(result.explicitAcks).toEqual(["m1"]);
    expect((await deliveryOf(lost)).attempts).toEqual([]);
  });

  test("outcome cannot be stored → acknowledged, the alarm sends another", { timeout: 15_000 }, async () => {
    const log = watchLog();
    playReceiver(() => new Response());
    const job = await succeededJob();
    const JOBS = jobsWith(() => ({ recordDelivery: () => Promise.reject(new Error("unreachable")) }));
    const result = await consume([await messageFor(job)], { JOBS });
    expect(result.explicitAcks).toEqual(["m0"]);
    expect(log.lines("outcome_lost")).toHaveLength(1);
    expect((await deliveryOf(job)).status).toBe("pending");
  });

  test("no secret in the deployment → retried", async () => {
    const received = playReceiver(() => new Response());
    const result = await consume([await messageFor(await succeededJob())], { WEBHOOK_SECRET: undefined });
    expect(result.retryMessages).toHaveLength(1);
    expect(received).toEqual([]);
  });

  test("local queue → acknowledged before the attempt has ended", async () => {
    let release = (_: Response) => {};
    playReceiver(() => new Promise((resolve) => (release = resolve)));
    const job = await succeededJob();
    const consumed = consume([await messageFor(job)], { LOCAL_QUEUE: "true" });
    await vi.waitFor(() => expect(fetch).toHaveBeenCalled());
    expect((await deliveryOf(job)).attempts).toEqual([]);
    release(new Response());
    await consumed;
    expect((await deliveryOf(job)).status).toBe("succeeded");
  });
});

describe("a target that is no longer allowed", () => {
  test.each(["http://localhost:9/", "https://10.0.0.1/", "https://printer.local/"])(
    "is not called: %s",
    async (url) => {
      const received = playReceiver(() => new Response());
      const job = await succeededJob(null, url);
      await consume([await messageFor(job)]);
      expect(received).toEqual([]);
      expect(await deliveryOf(job)).toMatchObject({
        status: "pending",
        attempts: [{ status: null, error: "refused_target", duration_ms: 0 }],
      });
    },
  );

  test("allowed by the deployment → called", async () => {
    const received = playReceiver(() => new Response());
    const job = await succeededJob(null, "http://localhost:9/");
    await consume([await messageFor(job)], { ALLOW_LOCALHOST_URLS: "true" });
    expect(received).toHaveLength(1);
    expect(await jobObject(env, TENANT, job.id).deliveries()).toMatchObject([{ status: "succeeded" }]);
  });
});
