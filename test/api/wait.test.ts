/** `Prefer: wait`: an answer held back until the job has finished, on a POST and on a GET. */

import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { eventsOf, socket } from "../support/follow.ts";
import {
  type Answer,
  type Call,
  call,
  callWith,
  freshKey,
  jobNow,
  refusal,
  submit,
} from "../support/http.ts";
import { jobsWith } from "../support/job-namespace.ts";
import { begin, finish, succeed } from "../support/moves.ts";
import { hold } from "../support/objects.ts";

const job = (id: string) => `/v1/jobs/${id}`;
const waiting = (seconds: number, more = {}) => ({ headers: { Prefer: `wait=${seconds}`, ...more } });
const succeeded = { type: "succeed", result: null } as const;

function subscribersOf(id: string): Promise<number> {
  return runInDurableObject(hold(id).stub, (_, state) => state.getWebSockets("subscriber").length);
}

/** Resolves once a client waits on the job's object. */
async function followed(id: string): Promise<void> {
  await vi.waitFor(async () => expect(await subscribersOf(id)).toBe(1), { timeout: 10_000 });
}

/** The answer, with how long it took in milliseconds. */
async function timed(answering: Promise<Answer>): Promise<Answer & { ms: number }> {
  const startedAt = Date.now();
  const answer = await answering;
  return { ...answer, ms: Date.now() - startedAt };
}

const post = (as: "acme" | "parked", input: object, { headers }: Call = {}) =>
  call("POST", "/v1/jobs", { as, json: { type: "test.simulate", input }, ...(headers && { headers }) });

describe("on POST", () => {
  test("a failed job is 200, too: it has finished", async () => {
    const attempts = [{ outcome: "fail", kind: "invalid_input" }];
    const answer = await post("acme", { attempts }, waiting(20));
    expect([answer.status, answer.job.status]).toEqual([200, "failed"]);
  });

  test("an accepted job is said to be accepted, though it cannot be reached after the wait", {
    timeout: 15_000,
  }, async () => {
    const down = () => Promise.reject(new Error("unreachable"));
    const JOBS = jobsWith(() => ({ fetch: down, read: down }));
    const json = { type: "test.simulate", input: {} };
    const answer = await callWith({ JOBS }, "POST", "/v1/jobs", { as: "parked", json, ...waiting(1) });
    expect([answer.status, answer.job.status]).toEqual([202, "queued"]);
    expect((await jobNow(answer.job.id)).status).toBe("queued");
  });

  test("waiting no time at all is not waiting", async () => {
    const answer = await timed(post("parked", {}, waiting(0)));
    expect(answer.status).toBe(202);
    expect(answer.headers.get("Preference-Applied")).toBe("wait=0");
    expect(answer.ms).toBeLessThan(900);
  });

  test("repeated with its key waits for the same job", async () => {
    const headers = { ...waiting(20).headers, "Idempotency-Key": freshKey() };
    const [first, second] = await Promise.all([
      post("acme", { duration_ms: 300 }, { headers }),
      post("acme", { duration_ms: 300 }, { headers }),
    ]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.job).toEqual(first.job);
  });

  test("a refusal does not wait", async () => {
    const answer = await timed(call("POST", "/v1/jobs", { json: { type: "none" }, ...waiting(20) }));
    expect(refusal(answer)[0]).toBe(422);
    expect(answer.ms).toBeLessThan(5_000);
  });
});

describe("on GET", () => {
  test("a finished job is answered at once", async () => {
    const { id } = (await submit()).job;
    await succeed(id);
    const answer = await timed(call("GET", job(id), waiting(30)));
    expect(answer.job.status).toBe("succeeded");
    expect(answer.headers.get("Preference-Applied")).toBe("wait=30");
    expect(answer.ms).toBeLessThan(5_000);
  });

  test("with If-None-Match is 304 if by then nothing has changed, else the job", async () => {
    const { id } = (await submit()).job;
    const ETag = String((await call("GET", job(id))).headers.get("ETag"));
    const unchanged = await timed(call("GET", job(id), waiting(1, { "If-None-Match": ETag })));
    expect([unchanged.status, unchanged.headers.get("ETag")]).toEqual([304, ETag]);
    expect(unchanged.headers.get("Preference-Applied")).toBe("wait=1");
    expect(unchanged.headers.get("Vary")).toContain("Prefer");
    expect(unchanged.ms).toBeGreaterThanOrEqual(950);

    const answering = call("GET", job(id), waiting(30, { "If-None-Match": ETag }));
    await followed(id);
    await succeed(id);
    const changed = await answering;
    expect([changed.status, changed.job.status]).toEqual([200, "succeeded"]);
    const again = await call("GET", job(id), waiting(30, { "If-None-Match": `"${changed.job.version}"` }));
    expect(again.status).toBe(304);
  });

  test("does not end with what is no end: an attempt begun, or failed and to be retried", async () => {
    const { id } = (await submit()).job;
    const answering = call("GET", job(id), waiting(30));
    await followed(id);
    await finish(id, await begin(id), {
      type: "fail",
      failure: { kind: "timeout", code: "t", message: "T.", retryAfterMs: 60_000, reference: "r" },
    });
    expect((await jobNow(id)).status_reason).toBe("waiting_to_retry");
    expect(await subscribersOf(id)).toBe(1);
    await call("POST", `${job(id)}/cancel`);
    expect((await answering).job.status).toBe("cancelled");
  });

  test("HEAD never waits", async () => {
    const { id } = (await submit()).job;
    const answer = await timed(call("HEAD", job(id), waiting(30)));
    expect(answer.status).toBe(200);
    expect(answer.ms).toBeLessThan(5_000);
  });
});

describe("a waiting answer", () => {
  test("comes though the object was evicted", async () => {
    const { id } = (await submit()).job;
    const answering = call("GET", job(id), waiting(30));
    await followed(id);
    await evictDurableObject(hold(id).stub);
    const lease = await begin(id);
    await evictDurableObject(hold(id).stub);
    await finish(id, lease, succeeded);
    expect((await answering).job.status).toBe("succeeded");
  });

  test("comes though the object crashed and the feed broke", async () => {
    const { id } = (await submit()).job;
    const answering = call("GET", job(id), waiting(30));
    await followed(id);
    await abortAllDurableObjects();
    await followed(id);
    await succeed(id);
    expect((await answering).job.status).toBe("succeeded");
  });

  test("comes though the job has as many subscribers as it can have", async () => {
    const { id } = (await submit()).job;
    const subscribers = await Promise.all(Array.from({ length: 50 }, () => socket(eventsOf(id))));
    const answering = call("GET", job(id), waiting(30));
    const given = await timed(call("GET", job(id), waiting(1)));
    expect([given.job.status, given.ms > 950]).toEqual(["queued", true]);
    await succeed(id);
    expect((await answering).job.status).toBe("succeeded");
    for (const { over } of subscribers) expect(await over).toBe(1000);
  });
});
