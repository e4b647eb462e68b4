/** Reports over a worker socket: held in memory, stored now and then, and lost only with the object. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Report } from "../../../src/core/job.ts";
import { pingOf, type SocketReply } from "../../../src/rpc/job.ts";
import type { EventView, TransientView } from "../../../src/rpc/views.ts";
import { alarmOf, type Held, pass, read, ringNext, stopClock, submitted } from "../../support/objects.ts";

beforeEach(stopClock);
afterEach(() => void vi.useRealTimers());

const LEASE = "lease";

const progress = (current: number, logs: Report["logs"] = []) => ({
  report: { progress: { current, total: 100, unit: null, stage: null, message: null }, logs },
  isHeartbeat: true,
});
const line = (number: number) => ({ number, level: "info" as const, message: `line ${number}` });

/** The worker's end of its socket. */
async function connect(job: Held, lease = LEASE) {
  const url = `https://job/worker?lease=${lease}&reports`;
  const { webSocket: socket } = await job.api().fetch(url, { headers: { Upgrade: "websocket" } });
  if (!socket) throw new Error("no socket");
  const replies: (SocketReply | string)[] = [];
  /** What it was told of the pace, but for what every read of the job leads to. */
  const paces = () =>
    replies.filter((said) => typeof said !== "string" && "paceMs" in said && !("forMs" in said));
  let code: number | null = null;
  socket.addEventListener("message", ({ data }) => {
    const text = String(data);
    replies.push(text.startsWith("{") ? (JSON.parse(text) as SocketReply) : text);
  });
  socket.addEventListener("close", (event) => {
    code = event.code;
  });
  socket.accept();
  return {
    socket,
    replies,
    paces,
    closed: () => code,
    say: (said: object) => socket.send(JSON.stringify(said)),
  };
}

/** What a subscriber is told from here on. */
async function follow(job: Held) {
  const url = "https://job/events?after=end&credential=key";
  const { webSocket: socket } = await job.api().fetch(url, { headers: { Upgrade: "websocket" } });
  if (!socket) throw new Error("no socket");
  const told: (EventView | TransientView)[] = [];
  socket.addEventListener("message", ({ data }) => void told.push(JSON.parse(String(data))));
  socket.accept();
  return { told, socket };
}

/** A running job whose worker is connected and whose first progress is stored. */
async function connected(changes = {}) {
  const job = await submitted(changes);
  await job.api().start(1, 0, LEASE);
  const worker = await connect(job);
  worker.say(progress(1));
  await shows(job, 1);
  return { job, worker };
}

const shows = (job: Held, current: number) =>
  vi.waitFor(async () => expect((await read(job)).progress).toMatchObject({ current }));
const tagOf = async (job: Held) => (await job.api().read())?.tag;
const storedProgress = async (job: Held) =>
  ((await job.api().eventsAfter(0)) ?? [])
    .filter(({ type }) => type === "job.progress")
    .map(({ data }) => (data as { current: number }).current);
const rowOf = ({ stub }: Held) =>
  runInDurableObject(stub, (_, state) => JSON.stringify(state.storage.kv.get("job")));

test("worker socket: progress within a minute → shown under another tag, told without a number, not written", async () => {
  const { job, worker } = await connected();
  const { told } = await follow(job);
  const { version } = await read(job);
  const row = await rowOf(job);
  expect(await tagOf(job)).toBe(String(version));
  const tags = new Set<string | undefined>();
  for (const current of [2, 3]) {
    worker.say(progress(current));
    await shows(job, current);
    tags.add(await tagOf(job));
  }
  expect([...tags]).toEqual([
    expect.stringMatching(`^${version}\\.\\d{1,13}$`),
    expect.stringMatching(`^${version}\\.\\d{1,13}$`),
  ]);
  expect(await read(job)).toMatchObject({ version });
  expect(await rowOf(job)).toBe(row);
  await vi.waitFor(() => expect(told).toHaveLength(2));
  expect(told).toMatchObject([{ data: { current: 2 } }, { data: { current: 3 } }]);
  for (const event of told) expect(event).not.toHaveProperty("seq");
  expect(await storedProgress(job)).toEqual([1]);
});

test("worker socket: progress a minute later → stored, the steps between are not", async () => {
  const { job, worker } = await connected();
  worker.say(progress(2));
  await shows(job, 2);
  pass(60_000);
  worker.say(progress(3));
  await vi.waitFor(async () => expect(await storedProgress(job)).toEqual([1, 3]));
});

test("worker socket: object evicted → held progress still shown, and stored with the outcome", async () => {
  const { job, worker } = await connected();
  worker.say(progress(2));
  await shows(job, 2);
  await evictDurableObject(job.stub);
  expect((await read(job)).progress).toMatchObject({ current: 2 });
  const nothing = { progress: null, logs: [] };
  await job.api().finish(LEASE, nothing, { type: "succeed", result: null });
  expect(await storedProgress(job)).toEqual([1, 2]);
  expect(await tagOf(job)).toBe(String((await read(job)).version));
});

test("worker socket: log lines → stored at once and confirmed; sent again → stored once", async () => {
  const { job, worker } = await connected();
  for (const lines of [
    [line(1), line(2)],
    [line(2), line(3)],
  ])
    worker.say(progress(2, lines));
  await vi.waitFor(() =>
    expect(worker.replies.filter((said) => typeof said !== "string" && "storedLine" in said)).toEqual([
      { storedLine: 2 },
      { storedLine: 3 },
    ]),
  );
  const events = (await job.api().eventsAfter(0)) ?? [];
  const lines = events.filter(({ type }) => type === "job.log").map(({ data }) => data);
  expect(lines).toMatchObject([1, 2, 3].map((number) => ({ message: `line ${number}` })));
});

test("worker socket: a client reads the job → the worker is told that progress is wanted for a while", async () => {
  const { job, worker } = await connected();
  worker.replies.length = 0;
  await read(job);
  await vi.waitFor(() => expect(worker.replies).toContainEqual({ paceMs: 1_000, forMs: 30_000 }));
});

test("worker socket: subscribers come and go → the worker is told the pace", async () => {
  const { job, worker } = await connected();
  const first = await follow(job);
  const second = await follow(job);
  await vi.waitFor(() => expect(worker.paces()).toEqual([{ paceMs: 10_000 }, { paceMs: 1_000 }]));
  first.socket.close(1000);
  second.socket.close(1000);
  await vi.waitFor(() => expect(worker.paces().at(-1)).toEqual({ paceMs: 10_000 }));
});

test("worker socket: silent but for pings → answered, the lease is renewed when it is due", async () => {
  const job = await submitted();
  await job.api().start(1, 0, LEASE);
  const worker = await connect(job);
  for (let rings = 0; rings < 3; rings += 1) {
    pass(1_000);
    worker.socket.send(pingOf(LEASE));
    await vi.waitFor(() =>
      expect(worker.replies.filter((reply) => reply === pingOf(LEASE))).toHaveLength(rings + 1),
    );
    await ringNext(job);
    expect(await read(job)).toMatchObject({ status_reason: "executing" });
  }
});

test("worker socket: a second one of the same attempt → the first is closed, what it held goes on", async () => {
  const { job, worker } = await connected();
  worker.say(progress(2));
  await shows(job, 2);
  const next = await connect(job);
  await vi.waitFor(() => expect(worker.closed()).toBe(1000));
  expect((await read(job)).progress).toMatchObject({ current: 2 });
  next.socket.close(1011, "the worker died");
  await vi.waitFor(async () => expect(((await alarmOf(job)) ?? 0) - Date.now()).toBeLessThanOrEqual(5_000));
  expect(await storedProgress(job)).toEqual([1, 2]);
});

test("worker socket: nonsense → closed, the worker may come again", async () => {
  const { job, worker } = await connected();
  worker.socket.send("{");
  await vi.waitFor(() => expect(worker.closed()).toBe(1011));
  expect((await connect(job)).closed()).toBeNull();
});

test("subscriber: any message, even a ping of another attempt → closed with 1008", async () => {
  const { job } = await connected();
  const { socket } = await follow(job);
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener("close", ({ code }) => resolve(code)),
  );
  socket.send(pingOf("guessed"));
  expect(await closed).toBe(1008);
});
