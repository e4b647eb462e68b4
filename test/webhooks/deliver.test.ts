/** One try to deliver: what the receiver gets, what becomes of its answer, and what is never shown or logged. */

import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SECOND } from "../../src/core/time.ts";
import { tenantIndex } from "../../src/rpc/tenant-index.ts";
import { toCompactView } from "../../src/rpc/views.ts";
import { tenantSecret } from "../../src/webhooks/sign.ts";
import {
  consume,
  deliveryOf,
  HOOK,
  jobWithWebhook,
  messageFor,
  playReceiver,
  type Received,
  SECRET,
  succeededJob,
  watchLog,
} from "../support/deliveries.ts";
import { begin, fail } from "../support/moves.ts";
import { type Held, read, TENANT } from "../support/objects.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const KIB = 1_024;

function only(received: Received[]): Received {
  const [first] = received;
  if (!first || received.length !== 1) throw new Error(`${received.length} messages were received`);
  return first;
}

/**
 * Resolves when the job index has the finished job. Objects share `setTimeout` with the test: a write that the index
 * has delayed must not wait for a faked timer, which would fire outside of the object.
 */
async function untilIndexed(job: Held): Promise<void> {
  const filter = {
    statuses: ["succeeded" as const],
    types: [],
    createdAfter: null,
    createdBefore: null,
    metadata: {},
  };
  await vi.waitFor(async () => {
    const { jobs } = await tenantIndex(env, TENANT).page(filter, null, 100);
    expect(jobs.map(({ id }) => id)).toContain(job.id);
  });
}

/** An answer that comes only when it is too late for it. */
function never(signal: AbortSignal): Promise<Response> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

function halfBody(signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(10));
      signal.addEventListener("abort", () => controller.error(signal.reason));
    },
  });
}

describe("the receiver", () => {
  test("job finished → gets event and job, signed by Standard Webhooks", async () => {
    const received = playReceiver(() => new Response(null, { status: 204 }));
    const job = await succeededJob({ rows: 3 });
    const { id } = await deliveryOf(job);
    await consume([await messageFor(job)]);
    const { url, headers, body, redirect } = only(received);
    expect([url, redirect]).toEqual([HOOK, "manual"]);
    const found = await read(job);
    const data = toCompactView(found);
    expect(JSON.parse(body)).toEqual({ type: "job.succeeded", timestamp: found.finished_at, data });
    expect([...headers.keys()].sort()).toEqual([
      "content-type",
      "traceparent",
      "user-agent",
      "via",
      "webhook-id",
      "webhook-signature",
      "webhook-timestamp",
    ]);
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("user-agent")).toBe("Accepted-Webhooks/1.0");
    expect(headers.get("traceparent")).toBe(`00-${"1".repeat(32)}-${"1".repeat(16)}-01`);
    expect(headers.get("webhook-id")).toBe(id);
    const receiver = new Webhook(await tenantSecret(SECRET, TENANT, 1));
    expect(receiver.verify(body, Object.fromEntries(headers))).toEqual(JSON.parse(body));
  });

  test("rotation → gets both signatures", async () => {
    const received = playReceiver(() => new Response());
    await consume([await messageFor(await succeededJob())], {
      WEBHOOK_SECRET_PREVIOUS: "the one before, of 32 characters too",
    });
    const { headers, body } = only(received);
    for (const master of [SECRET, "the one before, of 32 characters too"]) {
      const receiver = new Webhook(await tenantSecret(master, TENANT, 1));
      expect(receiver.verify(body, Object.fromEntries(headers))).toEqual(JSON.parse(body));
    }
  });

  test.each([
    ["fits in 16 KiB", 16 * KIB, true],
    ["is one byte larger", 16 * KIB + 1, false],
  ])("gets the result that %s or not", async (_, bytes, isThere) => {
    const received = playReceiver(() => new Response());
    const result = `${"ä".repeat(100)}${"x".repeat(bytes - 202)}`;
    const job = await succeededJob(result);
    await consume([await messageFor(job)]);
    const { data } = JSON.parse(only(received).body);
    expect("result" in data).toBe(isThere);
    expect(data).toMatchObject({ id: job.id, status: "succeeded" });
    expect((await read(job)).status).toBe("succeeded");
  });

  test("job failed → gets its error", async () => {
    const received = playReceiver(() => new Response());
    const job = await jobWithWebhook();
    await fail(job.id);
    await consume([await messageFor(job)]);
    const { type, data } = JSON.parse(only(received).body);
    expect([type, data.error.code]).toEqual(["job.failed", "no_such_column"]);
  });

  test("several events → gets each, with an id of its own", async () => {
    const received = playReceiver(() => new Response());
    const job = await jobWithWebhook({ events: ["job.queued", "job.started"] });
    await begin(job.id);
    const [queued, started] = [await deliveryOf(job, 0), await deliveryOf(job, 1)];
    const message = await messageFor(job);
    await consume([message, { ...message, deliveryId: started.id }]);
    const got = received.map(({ headers, body }) => [headers.get("webhook-id"), JSON.parse(body).type]);
    expect(got.sort()).toEqual([
      [queued.id, "job.queued"],
      [started.id, "job.started"],
    ]);
  });
});

describe("an answer", () => {
  test.each([200, 201, 204])("of %i ends the delivery", async (status) => {
    playReceiver(() => new Response(null, { status }));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    expect(await deliveryOf(job)).toMatchObject({
      event: "job.succeeded",
      status: "succeeded",
      next_attempt_at: null,
      attempts: [{ status, error: null }],
    });
  });

  test.each([301, 302, 307, 400, 404, 429, 500, 503])("of %i is tried again in 5 s", async (status) => {
    playReceiver(
      () => new Response(null, { status, headers: { Location: "https://elsewhere.example.com/" } }),
    );
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    const { next_attempt_at, ...rest } = await deliveryOf(job);
    expect(rest).toMatchObject({ status: "pending", attempts: [{ status, error: null }] });
    const waitMs = Date.parse(next_attempt_at ?? "") - Date.parse(rest.attempts[0]?.started_at ?? "");
    expect(waitMs).toBeGreaterThanOrEqual(5 * SECOND);
    expect(waitMs).toBeLessThan(8 * SECOND);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  test("410 → delivery ends", async () => {
    playReceiver(() => new Response(null, { status: 410 }));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    expect(await deliveryOf(job)).toMatchObject({ status: "failed", next_attempt_at: null });
  });

  test.each([
    [429, 100],
    [503, 100],
    [500, 5],
  ])("of %i with Retry-After: 100 is heeded for %i s at least", async (status, seconds) => {
    playReceiver(() => new Response(null, { status, headers: { "Retry-After": "100" } }));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    const { next_attempt_at, attempts } = await deliveryOf(job);
    const waitMs = Date.parse(next_attempt_at ?? "") - Date.parse(attempts[0]?.started_at ?? "");
    expect(waitMs).toBeGreaterThanOrEqual(seconds * SECOND);
    expect(waitMs).toBeLessThan((seconds + 5) * SECOND);
  });

  test.each([
    [200, "succeeded"],
    [410, "failed"],
  ])("of %i counts though its body breaks off", async (status, outcome) => {
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("the connection broke"));
      },
    });
    playReceiver(() => new Response(broken, { status }));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    expect(await deliveryOf(job)).toMatchObject({ status: outcome, attempts: [{ status, error: null }] });
  });

  test("endless body → at most 4 KiB read, the rest cancelled", async () => {
    let given = 0;
    let isRefused = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += KIB;
        controller.enqueue(new Uint8Array(KIB));
      },
      cancel() {
        isRefused = true;
      },
    });
    playReceiver(() => new Response(endless));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    expect(await deliveryOf(job)).toMatchObject({ status: "succeeded" });
    expect(isRefused).toBe(true);
    expect(given).toBeLessThanOrEqual(8 * KIB);
  });

  test.each([
    ["no headers", (signal: AbortSignal) => never(signal)],
    ["half a body", (signal: AbortSignal) => new Response(halfBody(signal))],
  ])("that has not come whole within 15 s is none: %s", async (_, answer) => {
    playReceiver((_url, signal) => answer(signal));
    const job = await succeededJob();
    await untilIndexed(job);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const consumed = consume([await messageFor(job)]);
    await vi.waitFor(() => expect(fetch).toHaveBeenCalled());
    await vi.advanceTimersByTimeAsync(14_000);
    expect((await deliveryOf(job)).attempts).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    await consumed;
    expect(await deliveryOf(job)).toMatchObject({
      status: "pending",
      attempts: [{ status: null, error: "timeout" }],
    });
  });

  test("connection lost → failed attempt", async () => {
    playReceiver(() => Promise.reject(new TypeError("Network connection lost.")));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    expect(await deliveryOf(job)).toMatchObject({
      status: "pending",
      attempts: [{ status: null, error: "unreachable" }],
    });
  });

  test("body → neither shown nor logged, nor the URL's path and query, the secret or the result", async () => {
    const log = watchLog();
    playReceiver(() => new Response("words of the receiver", { status: 500 }));
    const job = await succeededJob("result of the job");
    const { id } = await deliveryOf(job);
    await consume([await messageFor(job)]);
    expect(log.lines("delivery_failed")).toMatchObject([
      {
        level: "warn",
        job_id: job.id,
        tenant: TENANT,
        type: "test.simulate",
        attempt: 1,
        request_id: "request-test",
        trace_id: "1".repeat(32),
        delivery_id: id,
        delivery_attempt: 1,
        event_type: "job.succeeded",
        host: "hooks.example.com",
        status: 500,
        error: null,
        next_attempt_at: expect.stringMatching(/Z$/),
      },
    ]);
    expect(log.lines("delivery_exhausted")).toEqual([]);
    const shown = log.text() + JSON.stringify(await deliveryOf(job));
    for (const hidden of ["words of", "/in", "secret-of-the-url", SECRET, "whsec_", "v1,", "result of"]) {
      expect(shown).not.toContain(hidden);
    }
  });

  test("last failure → logged as given up", async () => {
    const log = watchLog();
    playReceiver(() => new Response(null, { status: 410 }));
    const job = await succeededJob();
    await consume([await messageFor(job)]);
    expect(log.lines("delivery_exhausted")).toMatchObject([
      { job_id: job.id, status: 410, delivery_attempt: 1 },
    ]);
  });
});
