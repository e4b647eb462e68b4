/** A job's events over Server-Sent Events and WebSockets: whole, in order, resumable, and closed at the end. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sseStream } from "../../src/api/events/subscribe.ts";
import { randomId } from "../../src/lib/id.ts";
import { jobObject } from "../../src/rpc/job.ts";
import { askSocket, askStream, eventsOf, readSocket, readStream, socket, stream } from "../support/follow.ts";
import { call, callWith, type EventJson, refusal, submit } from "../support/http.ts";
import { jobsWith } from "../support/job-namespace.ts";
import { begin, finish, succeed } from "../support/moves.ts";

async function newJob(): Promise<string> {
  return (await submit()).job.id;
}

async function finishedJob(): Promise<string> {
  const id = await newJob();
  await succeed(id);
  return id;
}

const seqs = (events: EventJson[]) => events.map(({ seq }) => seq);
/** Makes what happens every so often happen a thousand times as often; knows what was asked for. */
function hurryIntervals() {
  const { setInterval: set, clearInterval: clear } = globalThis;
  const asked: number[] = [];
  const running = new Set<unknown>();
  vi.spyOn(globalThis, "setInterval").mockImplementation(((act: () => void, ms: number) => {
    asked.push(ms);
    const timer = set(act, ms / 1_000);
    running.add(timer);
    return timer;
  }) as typeof setInterval);
  vi.spyOn(globalThis, "clearInterval").mockImplementation(((timer: number) => {
    running.delete(timer);
    clear(timer);
  }) as typeof clearInterval);
  return { asked, running: () => running.size };
}

const succeeded = { type: "succeed", result: null } as const;

describe.each([
  ["Server-Sent Events", stream],
  ["a WebSocket", socket],
])("over %s", (_, follow) => {
  test("a key that may only read suffices", async () => {
    const subscriber = await follow(eventsOf(await finishedJob()), { as: "parkedReader" });
    await subscriber.over;
    expect(seqs(subscriber.events)).toEqual([1, 2, 3]);
  });

  test("a subscriber that leaves changes nothing for the job, and makes room", async () => {
    const id = await newJob();
    const subscribers = await Promise.all(
      Array.from({ length: 50 }, () => follow(`${eventsOf(id)}?after=1`)),
    );
    expect((await askSocket(eventsOf(id))).status).toBe(503);
    await subscribers[0]?.leave();
    const next = await vi.waitFor(async () => {
      const answer = await askSocket(eventsOf(id));
      expect(answer.status).toBe(101);
      return readSocket(answer);
    });
    await succeed(id);
    await Promise.all([next, ...subscribers.slice(1)].map(({ over }) => over));
    expect(seqs(next.events)).toEqual([1, 2, 3]);
    for (const { events } of subscribers.slice(1)) expect(seqs(events)).toEqual([2, 3]);
  });
});

describe.each([
  ["JSON", {}],
  ["an event stream", { Accept: "text/event-stream" }],
  ["a WebSocket", { Upgrade: "websocket" }],
])("asked for %s", (_, headers: Record<string, string>) => {
  test("a job that does not exist, or is another's, is not found", async () => {
    const id = await newJob();
    for (const [path, as] of [
      [eventsOf(randomId("job")), "parked"],
      [eventsOf("none"), "parked"],
      [eventsOf(id), "parkedOther"],
    ] as const) {
      expect(refusal(await call("GET", path, { as, headers }))).toEqual([404, "not_found"]);
    }
    await call("POST", `/v1/jobs/${id}/cancel`);
    await call("DELETE", `/v1/jobs/${id}`);
    expect(refusal(await call("GET", eventsOf(id), { headers }))).toEqual([404, "not_found"]);
  });

  test("what names no event is refused", async () => {
    const id = await newJob();
    for (const bad of ["-1", "1.5", "one", "1e3", "0x1", " 1 2", "1,2", "__proto__"]) {
      const query = { headers };
      const header = { headers: { ...headers, "Last-Event-ID": bad } };
      const path = `${eventsOf(id)}?after=${encodeURIComponent(bad)}`;
      expect(refusal(await call("GET", path, query)), bad).toEqual([400, "malformed_request"]);
      expect(refusal(await call("GET", eventsOf(id), header)), bad).toEqual([400, "malformed_request"]);
    }
  });

  test("a key that may not read is refused", async () => {
    const answer = await call("GET", eventsOf(await newJob()), { as: "parkedWriter", headers });
    expect(refusal(answer)).toEqual([403, "forbidden"]);
  });

  test("HEAD opens nothing", async () => {
    const id = await newJob();
    for (let times = 0; times < 101; times += 1) {
      const answer = await callWith({}, "HEAD", eventsOf(id), { headers });
      expect([answer.status, answer.headers.get("Content-Type")]).toEqual([
        200,
        headers.Accept ?? "application/json",
      ]);
    }
    const subscriber = await socket(eventsOf(id));
    await succeed(id);
    expect(await subscriber.over).toBe(1000);
  });
});

describe("an event stream", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("says what it is, and is not stored by caches", async () => {
    const { headers } = await askStream(eventsOf(await finishedJob()));
    expect(headers.get("Cache-Control")).toBe("no-store, no-transform");
    expect(headers.get("Vary")).toMatch(/\bAccept\b/);
  });

  test("goes only to those who ask for it", async () => {
    const id = await finishedJob();
    for (const [accept, type] of [
      ["text/event-stream", "text/event-stream"],
      ["Text/Event-Stream", "text/event-stream"],
      ["text/event-stream, application/json;q=0.5", "text/event-stream"],
      ["application/json, text/event-stream;q=0.5", "application/json"],
      ["*/*", "application/json"],
      ["text/html", "application/json"],
    ]) {
      const answer = await askStream(eventsOf(id), { headers: { Accept: String(accept) } });
      expect([accept, answer.headers.get("Content-Type")]).toEqual([accept, type]);
      await answer.body?.cancel();
    }
  });

  test("carries a comment at least every 15 s, until it ends", async () => {
    const timers = hurryIntervals();
    const id = await newJob();
    const subscriber = await stream(eventsOf(id));
    await vi.waitFor(() => expect(subscriber.comments.length).toBeGreaterThan(5));
    expect(timers.asked).toHaveLength(1);
    expect(timers.asked[0]).toBeLessThanOrEqual(15_000);
    await succeed(id);
    await subscriber.over;
    expect(timers.running()).toBe(0);
    expect(seqs(subscriber.events)).toEqual([1, 2, 3]);
  });

  test("no longer beats when its client has left", async () => {
    const timers = hurryIntervals();
    const subscriber = await stream(eventsOf(await newJob()));
    expect(timers.running()).toBe(1);
    await subscriber.leave();
    await vi.waitFor(() => expect(timers.running()).toBe(0));
  });

  test("replays a long history whole to a late comer, in as many streams as it takes", async () => {
    const id = await newJob();
    const lease = await begin(id);
    const message = "x".repeat(4_096);
    for (let report = 0; report < 20; report += 1) {
      const logs = Array.from({ length: 50 }, (_, line) => ({
        number: report * 50 + line + 1,
        level: "info" as const,
        message,
      }));
      await jobObject(env, "parked", id).report(lease, { progress: null, logs }, true);
    }
    await finish(id, lease, succeeded);
    const received: number[] = [];
    for (let streams = 0; received.length < 1_004 && streams < 10; streams += 1) {
      const subscriber = await stream(`${eventsOf(id)}?after=${received.length}`);
      await subscriber.over;
      received.push(...seqs(subscriber.events));
    }
    expect(received).toEqual(Array.from({ length: 1_004 }, (_, index) => index + 1));
  });

  test("of a job that cannot be reached says when to come back, for a 503 would end it for ever", {
    timeout: 15_000,
  }, async () => {
    const id = await newJob();
    const fault = Object.assign(new Error("secret-internal-detail"), { retryable: true });
    const JOBS = jobsWith(() => ({ fetch: () => Promise.reject(fault) }));
    const answer = await callWith({ JOBS }, "GET", eventsOf(id), {
      headers: { Accept: "text/event-stream" },
    });
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/event-stream"]);
    expect(answer.text).toContain("retry: 2000");
    expect(answer.text).not.toContain("secret");
  });

  test("is cut off for a client that takes nothing", async () => {
    const { 0: feed, 1: object } = new WebSocketPair();
    object.accept();
    const closed = new Promise((resolve) => object.addEventListener("close", resolve));
    const body = sseStream(feed);
    const event = JSON.stringify({ seq: 1, type: "job.log", data: "x".repeat(512 * 1024) });
    for (let sent = 0; sent < 20; sent += 1) object.send(event);
    await closed;
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    expect(bytes).toBeGreaterThan(1024 * 1024);
    expect(bytes).toBeLessThan(2 * 1024 * 1024);
  });

  test("to one subscriber too many says only when to come back", async () => {
    const id = await newJob();
    const subscribers = await Promise.all(Array.from({ length: 50 }, () => stream(eventsOf(id))));
    const answer = await askStream(eventsOf(id));
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "text/event-stream"]);
    const refused = readStream(answer);
    await refused.over;
    expect(refused).toMatchObject({ events: [], retries: ["30000"] });
    await succeed(id);
    await Promise.all(subscribers.map(({ over }) => over));
    for (const { events } of subscribers) expect(seqs(events)).toEqual([1, 2, 3]);
  });
});

describe("a WebSocket", () => {
  test("too many is refused, and told when to come back", async () => {
    const id = await newJob();
    const subscribers = await Promise.all(Array.from({ length: 50 }, () => socket(eventsOf(id))));
    const answer = await call("GET", eventsOf(id), { headers: { Upgrade: "websocket" } });
    expect(refusal(answer)).toEqual([503, "unavailable"]);
    expect(answer.headers.get("Retry-After")).toBe("30");
    for (const { leave } of subscribers) leave();
  });

  test.each(["{}", "x".repeat(100_000), new Uint8Array(1_000)])(
    "the client sends a message → closed with 1008",
    async (message) => {
      const { webSocket } = await askSocket(eventsOf(await newJob()));
      if (!webSocket) throw new Error("no socket");
      const closed = new Promise((resolve) =>
        webSocket.addEventListener("close", ({ code }) => resolve(code)),
      );
      webSocket.accept();
      webSocket.send(message);
      expect(await closed).toBe(1008);
    },
  );
});
