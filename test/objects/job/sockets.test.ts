/** Sockets of a job object: they survive eviction, miss no event, and close with the job. */

import { evictDurableObject } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import type { EventView } from "../../../src/rpc/views.ts";
import { alarmOf, type Held, nothing, read, submitted } from "../../support/objects.ts";

type Listener = { events: EventView[]; closed: () => number | null };

async function subscribe(job: Held, after: number | "end" = 0, credential = "key"): Promise<Response> {
  return job.api().fetch(`https://job/events?after=${after}&credential=${credential}`, {
    headers: { Upgrade: "websocket" },
  });
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

test("subscribe: running job → whole history, then new events, closed after the final one", async () => {
  const job = await submitted();
  const early = listen(await subscribe(job));
  await job.api().start(1, 0, "lease");
  const later = listen(await subscribe(job));
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

test("subscribe: object evicted → next event still arrives", async () => {
  const job = await submitted();
  const subscriber = listen(await subscribe(job));
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

test("subscribe: again after a position → exactly the missed events", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  const resumed = listen(await subscribe(job, 1));
  await job.api().finish("lease", nothing, succeed);
  await vi.waitFor(() => expect(resumed.closed()).toBe(1000));
  expect(resumed.events.map(({ seq }) => seq)).toEqual([2, 3]);
  expect((await subscribe(job, 3)).status).toBe(204);
  const late = listen(await subscribe(job));
  await vi.waitFor(() => expect(late.closed()).toBe(1000));
  expect(late.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test("subscribe: 50 subscribers of a credential, 100 in all → the next is rejected until one leaves", async () => {
  const job = await submitted();
  const fill = (credential: string) =>
    Promise.all(Array.from({ length: 50 }, () => subscribe(job, "end", credential)));
  const answers = await fill("one");
  for (const answer of answers) answer.webSocket?.accept();
  expect((await subscribe(job, 0, "one")).status).toBe(503);
  await fill("two");
  expect((await subscribe(job, 0, "three")).status).toBe(503);
  answers[0]?.webSocket?.close(1000);
  await vi.waitFor(async () => expect((await subscribe(job, 0, "three")).status).toBe(101));
  expect((await subscribe(job, 0, "one")).status).toBe(503);
});

test("subscribe: no such job → 404", async () => {
  const job = await submitted();
  await job.api().cancel(null, null);
  await job.api().delete();
  expect((await subscribe(job)).status).toBe(404);
});

test("delete: job with a subscriber → deleted, socket closed", async () => {
  const job = await submitted();
  const subscriber = listen(await subscribe(job));
  await job.api().cancel(null, null);
  await vi.waitFor(() => expect(subscriber.closed()).toBe(1000));
  expect(await job.api().delete()).toEqual({ kind: "deleted" });
});

async function openWorkerSocket(job: Held, lease: string): Promise<Response> {
  return job.api().fetch(`https://job/worker?lease=${lease}`, { headers: { Upgrade: "websocket" } });
}

test("worker socket: job cancelled → the attempt receives it at once", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  const words: string[] = [];
  const { webSocket } = await openWorkerSocket(job, "lease");
  webSocket?.addEventListener("message", ({ data }) => void words.push(String(data)));
  webSocket?.accept();
  await evictDurableObject(job.stub);
  await job.api().cancel(null, null);
  await vi.waitFor(() =>
    expect(words.map((word) => JSON.parse(word))).toEqual([{ ok: false, reason: "cancelled" }]),
  );
});

test("worker socket: attempt not current → rejected", async () => {
  const job = await submitted();
  await job.api().start(1, 0, "lease");
  await job.api().cancel(null, null);
  expect(await (await openWorkerSocket(job, "lease")).json()).toEqual({ ok: false, reason: "cancelled" });
  expect(await (await openWorkerSocket(job, "other")).json()).toEqual({ ok: false, reason: "stale" });
});

test("worker socket: closed abnormally → lease shortened; closed normally → lease kept", async () => {
  const [broken, closedNormally] = [await submitted(), await submitted()];
  for (const [job, code] of [
    [broken, 1011],
    [closedNormally, 1000],
  ] as const) {
    await job.api().start(1, 0, "lease");
    const { webSocket } = await openWorkerSocket(job, "lease");
    webSocket?.accept();
    webSocket?.close(code, "");
  }
  await vi.waitFor(async () =>
    expect(((await alarmOf(broken)) ?? 0) - Date.now()).toBeLessThanOrEqual(5_000),
  );
  expect(((await alarmOf(closedNormally)) ?? 0) - Date.now()).toBeGreaterThan(20_000);
  await broken.api().report("lease", nothing, false);
  expect(await read(broken)).toMatchObject({ status: "running", status_reason: "executing" });
});
