/**
 * Fifty jobs, each followed in every way at once, while their objects are evicted at random: each subscriber
 * sees the same events, each once, in order, with one final event, and the same outcome.
 */

import { evictDurableObject } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import { ask, eventsOf, socket, stream } from "../support/follow.ts";
import { type Answer, call, type EventJson, type JobJson, submit } from "../support/http.ts";
import { hold } from "../support/objects.ts";

const JOBS = 50;
const FINAL = ["job.succeeded", "job.failed", "job.cancelled"];

/** What becomes of the jobs, in turn. */
const unavailable = { outcome: "fail", kind: "service_unavailable", retry_after_ms: 200 };
const fates = [
  { input: { duration_ms: 2_500, steps: 40 }, status: "succeeded" },
  { input: { duration_ms: 700, attempts: [unavailable, { outcome: "succeed" }] }, status: "succeeded" },
  {
    input: { duration_ms: 1_500, progress: "coarse", attempts: [{ outcome: "crash", message: "x" }] },
    status: "failed",
  },
  { input: { duration_ms: 60_000, steps: 300 }, status: "cancelled" },
  { input: { attempts: [unavailable] }, max_attempts: 2, status: "failed" },
];

/** The same numbers in [0, 1) on every run (a linear congruential generator). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Submits a job and follows it in three ways; resolves when all three have come to their end. */
async function followThrice({ status, ...request }: (typeof fates)[number]) {
  const { id } = (await submit(request, { as: "acme" })).job;
  const sse = stream(eventsOf(id), { as: "acme" });
  const ws = socket(eventsOf(id), { as: "acme" });
  const waited = ask(`/v1/jobs/${id}`, { as: "acme", headers: { Prefer: "wait=30" } });
  async function end() {
    const [streamed, sent] = await Promise.all([sse, ws]);
    if (status === "cancelled") {
      await vi.waitFor(() => expect(streamed.events.length).toBeGreaterThan(1), { timeout: 20_000 });
      await call("POST", `/v1/jobs/${id}/cancel`, { as: "acme" });
    }
    await Promise.all([streamed.over, sent.over]);
    const { data } = (await (await waited).json()) as { data: JobJson };
    return { id, status, streamed: streamed.events, sent: sent.events, job: data };
  }
  return { id, ended: end() };
}

const historyOf = async (id: string): Promise<EventJson[]> => {
  const answer: Answer = await call("GET", eventsOf(id), { as: "acme" });
  return answer.body.data as EventJson[];
};

test("all see the same, once and in order", { timeout: 60_000 }, async () => {
  const followed = await Promise.all(
    Array.from({ length: JOBS }, (_, index) => followThrice(fates[index % fates.length] ?? expect.fail())),
  );
  const random = seeded(20_261_122);
  let evictions = 0;
  let isOver = false;
  async function evictAtRandom(): Promise<void> {
    while (!isOver) {
      const { id } = followed[Math.floor(random() * JOBS)] ?? expect.fail();
      const stub = hold(id).stub;
      evictions += await evictDurableObject(stub).then(
        () => 1,
        (error) => (/not currently running/.test(String(error)) ? 0 : Promise.reject(error)),
      );
      await new Promise((resolve) => setTimeout(resolve, random() * 10));
    }
  }
  const evicting = evictAtRandom();
  const seen = await Promise.all(followed.map(({ ended }) => ended));
  isOver = true;
  await evicting;

  expect(evictions).toBeGreaterThanOrEqual(10);
  for (const { id, status, streamed, sent, job } of seen) {
    expect(streamed.map(({ seq }) => seq)).toEqual(streamed.map((_, index) => index + 1));
    expect(streamed.filter(({ type }) => FINAL.includes(type))).toEqual([streamed.at(-1)]);
    expect(sent).toEqual(streamed);
    expect(await historyOf(id)).toEqual(streamed);
    expect([job.status, streamed.at(-1)?.type]).toEqual([status, `job.${status}`]);
  }
});
