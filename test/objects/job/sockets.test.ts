/** Following a job's object: sockets that sleep with it, miss nothing, and end with the job. */

import { evictDurableObject } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import type { EventView } from "../../../src/rpc/views.ts";
import { type Held, nothing, read, submitted } from "../../support/objects.ts";

type Listener = { events: EventView[]; closed: () => number | null };

async function follow(job: Held, after: number | "end" = 0): Promise<Response> {
  return job.api().fetch(`https://job/events?after=${after}`, { headers: { Upgrade: "websocket" } });
}

function listen({ webSocket }: Response): Listener {
  if (!webSocket) throw new Error("no socket");
  const events: EventView[] = [];
  let code: number | null = null;
  webSocket.addEventListener("message", ({ data }) => void events.push(JSON.parse(String(data))));
  webSocket.addEventListener("close", (event) => {
    code = event.code;
  });
  webSocket.accept();
  return { events, closed: () => code };
}

const succeed = { type: "succeed", result: null } as const;

test("a subscriber gets the whole history, then what follows, and is closed after the final event", async () => {
  const job = await submitted();
  const early = listen(await follow(job));
  await job.api().start(1, 0, "lease");
  const later = listen(await follow(job));
  await job.api().finish("lease", nothing, succeed);
  for (const { events, closed } of [early, later]) {
    await vi.waitFor(() => expect(closed()).toBe(1000));
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [1, "job.queued"],
      [2, "job.started"],
      [3, "job.succeeded"],
    ]);
  }
});

test("subscribers of an object that was evicted get the next event", async () => {
  const job = await submitted();
  const subscriber = listen(await follow(job));
  await vi.waitFor(() => expect(subscriber.events).toHaveLength(1));
  await evictDurableObject(job.stub);
  await job.api().start(1, 0, "lease");
  await vi.waitFor(() =>
    expect(subscriber.events.map(({ type }) => type)).toEqual(["job.queued", "job.started"]),
  );
  await evictDurableObject(job.stub);
  await job.api().finish("lease", nothing, succeed);
  await vi.waitFor(() => expect(subscriber.closed()).toBe(1000));
  expect(subscriber.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test("one that comes back gets exactly what it missed", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  const resumed = listen(await follow(job, 1));
  await job.api().finish("lease", nothing, succeed);
  await vi.waitFor(() => expect(resumed.closed()).toBe(1000));
  expect(resumed.events.map(({ seq }) => seq)).toEqual([2, 3]);
  expect((await follow(job, 3)).status).toBe(204);
  const late = listen(await follow(job));
  await vi.waitFor(() => expect(late.closed()).toBe(1000));
  expect(late.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test("the hundred and first subscriber is refused, and welcome when another has left", async () => {
  const job = await submitted();
  const answers = await Promise.all(Array.from({ length: 100 }, () => follow(job, "end")));
  for (const answer of answers) answer.webSocket?.accept();
  expect((await follow(job)).status).toBe(503);
  answers[0]?.webSocket?.close(1000);
  await vi.waitFor(async () => expect((await follow(job)).status).toBe(101));
});

test("a job that does not exist: no subscription", async () => {
  const job = await submitted();
  await job.api().cancel(null, null);
  await job.api().delete();
  expect((await follow(job)).status).toBe(404);
});

test("a job that is followed is purged all the same, and its subscribers are let go", async () => {
  const job = await submitted();
  const subscriber = listen(await follow(job));
  await job.api().cancel(null, null);
  await vi.waitFor(() => expect(subscriber.closed()).toBe(1000));
  expect(await job.api().delete()).toEqual({ kind: "deleted" });
});

async function line(job: Held, lease: string): Promise<Response> {
  return job.api().fetch(`https://job/worker?lease=${lease}`, { headers: { Upgrade: "websocket" } });
}

test("the line of a running attempt tells it at once that it no longer counts", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  const words: string[] = [];
  const { webSocket } = await line(job, "lease");
  webSocket?.addEventListener("message", ({ data }) => void words.push(String(data)));
  webSocket?.accept();
  await evictDurableObject(job.stub);
  await job.api().cancel(null, null);
  await vi.waitFor(() =>
    expect(words.map((word) => JSON.parse(word))).toEqual([{ ok: false, reason: "cancelled" }]),
  );
});

test("a line is refused to an attempt that no longer counts", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  await job.api().cancel(null, null);
  expect(await (await line(job, "lease")).json()).toEqual({ ok: false, reason: "cancelled" });
  expect(await (await line(job, "other")).json()).toEqual({ ok: false, reason: "stale" });
});

test("a worker socket that closes abnormally shortens the lease; one closed normally does not", async () => {
  const { alarmOf } = await import("../../support/objects.ts");
  const [broken, hungUp] = [await submitted(), await submitted()];
  for (const [job, code] of [
    [broken, 1011],
    [hungUp, 1000],
  ] as const) {
    await job.api().start(1, 0, "lease");
    const { webSocket } = await line(job, "lease");
    webSocket?.accept();
    webSocket?.close(code, "");
  }
  await vi.waitFor(async () =>
    expect(((await alarmOf(broken)) ?? 0) - Date.now()).toBeLessThanOrEqual(5_000),
  );
  expect(((await alarmOf(hungUp)) ?? 0) - Date.now()).toBeGreaterThan(20_000);
  await broken.api().report("lease", nothing, false);
  expect(await read(broken)).toMatchObject({ status: "running", status_reason: "executing" });
});
