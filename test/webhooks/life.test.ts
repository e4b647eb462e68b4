/** A job's deliveries in its object: messages with the change that caused them, and an alarm that forgets none. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DAY, MINUTE, SECOND } from "../../src/core/time.ts";
import {
  consume,
  deliveryOf,
  jobWithWebhook,
  messageFor,
  playReceiver,
  succeededJob,
} from "../support/deliveries.ts";
import { succeed } from "../support/moves.ts";
import { alarmOf, policy, read, ringNext, stopClock, submitted } from "../support/objects.ts";
import { parkedDeliveries } from "../support/parked.ts";

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const attemptsSent = (id: string) => parkedDeliveries(id).map(({ attempt }) => attempt);

test("delivery: event committed → message sent", async () => {
  const job = await succeededJob();
  const message = await messageFor(job);
  await vi.waitFor(() => expect(parkedDeliveries(job.id)).toEqual([message]));
});

test("delivery: failed attempt, object evicted, job finished → retried by the alarm", async () => {
  playReceiver(() => new Response(null, { status: 500 }));
  const job = await succeededJob();
  await consume([await messageFor(job)]);
  await evictDurableObject(job.stub);
  const waitMs = await ringNext(job);
  expect(waitMs).toBeGreaterThanOrEqual(5 * SECOND);
  expect(waitMs).toBeLessThanOrEqual(6 * SECOND);
  await vi.waitFor(() => expect(attemptsSent(job.id)).toEqual([1, 2]));
});

test("delivery: message lost → sent again within a minute", async () => {
  const DELIVERY_QUEUE = { send: () => Promise.reject(new Error("the queue is down")) };
  const job = await jobWithWebhook();
  await runInDurableObject(job.stub, (instance) =>
    Object.assign(instance, { env: { ...env, DELIVERY_QUEUE } }),
  );
  await succeed(job.id);
  expect(attemptsSent(job.id)).toEqual([]);
  await runInDurableObject(job.stub, (instance) => Object.assign(instance, { env }));
  expect(await ringNext(job)).toBe(30 * SECOND);
  expect(await ringNext(job)).toBe(30 * SECOND);
  await vi.waitFor(() => expect(attemptsSent(job.id)).toEqual([1]));
});

test("purge: deliveries pending or not → at its time, not before", async () => {
  const webhook = { url: "https://hooks.example.com/", events: ["job.succeeded"] as const };
  const job = await submitted({ webhook, policy: { ...policy, retentionMs: DAY } });
  const startedAt = Date.now();
  await succeed(job.id);
  for (let rings = 0; (await alarmOf(job)) !== null; rings += 1) {
    expect(rings).toBeLessThan(200);
    expect(await job.api().reconcile()).not.toBeNull();
    await ringNext(job);
  }
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(DAY);
  expect(Date.now() - startedAt).toBeLessThan(DAY + MINUTE);
  expect(await job.api().reconcile()).toBeNull();
  expect(await job.api().deliveries()).toBeNull();
  expect(await job.api().redeliver("msg_other_1")).toBeNull();
});

test("redeliver: finished delivery → sent again under the same id, any number of times", async () => {
  const received = playReceiver(() => new Response());
  const job = await succeededJob();
  const message = await messageFor(job);
  await consume([message]);
  for (const attempt of [2, 3]) {
    expect(await job.api().redeliver(message.deliveryId)).toMatchObject({ status: "pending" });
    await consume([{ ...message, attempt }]);
  }
  expect(received.map(({ headers }) => headers.get("webhook-id"))).toEqual(Array(3).fill(message.deliveryId));
  expect(await deliveryOf(job)).toMatchObject({ status: "succeeded", attempts: [{}, {}, {}] });
  await vi.waitFor(() => expect(attemptsSent(job.id)).toEqual([1, 2, 3]), { timeout: 10_000 });
});

test("delivery: attempts → job view unchanged", async () => {
  playReceiver(() => new Response(null, { status: 500 }));
  const job = await succeededJob();
  const before = await read(job);
  await consume([await messageFor(job)]);
  await ringNext(job);
  expect(await read(job)).toEqual(before);
});
