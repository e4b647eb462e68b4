/**
 * Following over real HTTP, by clients that others made: whatever is cut on the way, the service itself by kill -9
 * included, they miss nothing, hear nothing twice, and stop when there is nothing more to hear.
 */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Restartable, startRestartable } from "../../scripts/restartable.ts";
import type { EventView } from "../../src/rpc/views.ts";
import { type Client, openClient } from "./client.ts";
import { FINAL, hear, listenByEventSource, listenByWebSocket } from "./subscribers.ts";

const WAIT = { timeout: 40_000, interval: 50 };

let service: Restartable;
let acme: Client;
let key: string;
beforeAll(async () => {
  service = await startRestartable({ leaseMs: 2_000, dispatchTimeoutMs: 1_000 });
  key = service.keys.acme.full;
  acme = openClient(service.url, key);
});
afterAll(() => service.discard());

/** Numbered from 1 without gap or repeat, and ended once. */
function expectWhole(events: EventView[]): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter(({ type }) => FINAL.includes(type))).toEqual([events.at(-1)]);
}

describe("the eventsource package", () => {
  test("hears everything, and does not come back after the end", async () => {
    const id = await acme.simulate({ duration_ms: 2_500, steps: 5 });
    const source = listenByEventSource(service.url, key, id);
    await vi.waitFor(() => expect(source.hasEnded()).toBe(true), WAIT);
    expectWhole(source.events);
    expect(source.events).toEqual(await acme.events(id));
    expect(source.ids).toEqual(source.events.map(({ seq }) => String(seq)));
    expect(source.connections).toEqual([
      { lastEventId: null, status: 200 },
      { lastEventId: String(source.events.length), status: 204 },
    ]);
  });

  test("gives up at once without a key that fits", async () => {
    const id = await acme.simulate({});
    const source = listenByEventSource(service.url, service.keys.globex.full, id);
    await vi.waitFor(() => expect(source.hasEnded()).toBe(true), WAIT);
    expect(source.connections).toEqual([{ lastEventId: null, status: 404 }]);
  });
});

describe("the ws package", () => {
  test("hears everything, and is closed with 1000 after the end", async () => {
    const id = await acme.simulate({ duration_ms: 1_500, steps: 5 });
    const events: EventView[] = [];
    const code = await hear(service.url, `/v1/jobs/${id}/events`, key, (event) => events.push(event));
    expect(code).toBe(1000);
    expectWhole(events);
    expect(events).toEqual(await acme.events(id));
  });
});

test("a job is followed through kill -9 and restart of the whole service", async () => {
  const id = await acme.simulate({ duration_ms: 6_000, steps: 40, result: "survived" });
  const source = listenByEventSource(service.url, key, id);
  const bySocket = listenByWebSocket(service.url, key, id);
  await vi.waitFor(() => expect(source.transient.length).toBeGreaterThan(1), WAIT);
  await service.kill();
  const heardBefore = source.events.length;
  await service.restart();
  await vi.waitFor(() => expect(source.hasEnded()).toBe(true), WAIT);

  expectWhole(source.events);
  const lost = source.events.filter(({ type }) => type === "job.attempt_failed");
  expect(lost.map(({ data }) => data)).toMatchObject([{ attempt: 1, status: "lost" }]);
  expect(source.events.length).toBeGreaterThan(heardBefore);
  expect(await bySocket).toEqual(source.events);
  expect(await acme.events(id)).toEqual(source.events);
  expect(await acme.read(id)).toMatchObject({ status: "succeeded", attempt: 2, result: "survived" });
  expect(source.connections.map(({ lastEventId }) => lastEventId)).toContain(String(heardBefore));
  expect(source.connections.at(-1)).toEqual({
    lastEventId: String(source.events.length),
    status: 204,
  });
});

describe("Prefer: wait", () => {
  test("answers when the job has finished, on POST and GET", async () => {
    const prefer = { Prefer: "wait=30" };
    const request = { type: "test.simulate", input: { duration_ms: 1_000, result: 42 } };
    const posted = await acme.call<{ id: string }>("POST", "/v1/jobs", request, prefer);
    expect([posted.status, posted.data]).toMatchObject([200, { status: "succeeded", result: 42 }]);
    const id = await acme.simulate({ duration_ms: 1_000 });
    const got = await acme.call("GET", `/v1/jobs/${id}`, undefined, prefer);
    expect([got.status, got.data]).toMatchObject([200, { status: "succeeded" }]);
  });
});

describe("a running job that is cancelled", () => {
  test("has stopped within a second", async () => {
    const id = await acme.simulate({ duration_ms: 60_000, steps: 1_000 });
    await acme.waitUntil(id, ({ progress }) => (progress?.current ?? 0) > 0);
    const cancelled = await acme.cancel(id);
    expect(cancelled.data.status).toBe("cancelled");
    const job = await acme.waitUntil(id, (now) => acknowledgedAfterMs(now) !== null);
    expect(acknowledgedAfterMs(job)).toBeLessThan(1_000);
  });

  test("though it does nothing but wait", async () => {
    const id = await acme.simulate({ duration_ms: 60_000, steps: 1, heartbeats: false });
    await acme.waitUntil(id, ({ status_reason }) => status_reason === "executing");
    await acme.cancel(id);
    const job = await acme.waitUntil(id, (now) => acknowledgedAfterMs(now) !== null);
    expect(acknowledgedAfterMs(job)).toBeLessThan(1_000);
  });
});

function acknowledgedAfterMs(job: Awaited<ReturnType<Client["read"]>>): number | null {
  const { requested_at, acknowledged_at } = job.cancellation ?? { requested_at: "", acknowledged_at: null };
  return acknowledged_at === null ? null : Date.parse(acknowledged_at) - Date.parse(requested_at);
}
