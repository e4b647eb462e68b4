import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { ATTEMPT_TIMEOUT_MAX_MS, type JobContext, JobFailure } from "../../src/job-types/define.ts";
import { testSimulate } from "../../src/job-types/test-simulate.ts";
import { sleep } from "../../src/lib/runtime.ts";
import { fakeJobContext } from "../support/job-context.ts";

const accepts = (input: unknown) => testSimulate.input.safeParse(input).success;

function simulate(input: unknown, overrides: Partial<JobContext> = {}) {
  const heartbeat = vi.fn();
  const { job, reported } = fakeJobContext({ heartbeat, ...overrides });
  return { ended: testSimulate.run(testSimulate.input.parse(input), job), reported, heartbeat };
}

const failureOf = (ended: Promise<unknown>) =>
  ended.then(
    () => null,
    (error: unknown) => error,
  );

afterEach(() => void vi.useRealTimers());

describe("the input", () => {
  test("may be empty: then it succeeds at once with null", async () => {
    expect(testSimulate.input.parse({})).toEqual({
      duration_ms: 0,
      steps: 10,
      progress: "exact",
      heartbeats: true,
      ignore_cancel: false,
      attempts: [{ outcome: "succeed" }],
      result: null,
    });
    expect(await simulate({}).ended).toBeNull();
  });

  test("has an example that is valid, and a JSON Schema", () => {
    expect(accepts(testSimulate.example)).toBe(true);
    const schema = z.toJSONSchema(testSimulate.input, { io: "input" });
    expect(schema).toMatchObject({ type: "object", additionalProperties: false });
    expect(schema.required ?? []).toEqual([]);
  });

  test.each([
    { duration_ms: 600_000, steps: 1000 },
    { result: false },
    { result: { deep: [1, "two", null] } },
    { attempts: Array.from({ length: 25 }, () => ({ outcome: "succeed" })) },
    { attempts: [{ outcome: "fail", kind: "internal_error" }] },
    {
      attempts: [{ outcome: "fail", kind: "timeout", code: "too_slow", message: "Slow.", retry_after_ms: 0 }],
    },
  ])("accepts %j", (input) => expect(accepts(input)).toBe(true));

  test.each([
    { duration_ms: -1 },
    { duration_ms: 600_001 },
    { duration_ms: 1.5 },
    { duration_ms: "5" },
    { steps: 0 },
    { steps: 1001 },
    { progress: "some" },
    { attempts: [] },
    { attempts: Array.from({ length: 26 }, () => ({ outcome: "succeed" })) },
    { attempts: [{ outcome: "explode" }] },
    { attempts: [{ outcome: "fail" }] },
    { attempts: [{ outcome: "fail", kind: "worker_lost" }] },
    { attempts: [{ outcome: "fail", kind: "timeout", code: "Too Slow" }] },
    { attempts: [{ outcome: "crash" }] },
    { attempts: [{ outcome: "succeed", kind: "timeout" }] },
    { unknown: true },
  ])("refuses %j", (input) => expect(accepts(input)).toBe(false));

  test("refuses a result of more than 64 KiB, counted in bytes", () => {
    expect(accepts({ result: "x".repeat(65_534) })).toBe(true);
    expect(accepts({ result: "x".repeat(65_535) })).toBe(false);
    expect(accepts({ result: "ü".repeat(40_000) })).toBe(false);
  });
});

describe("the type", () => {
  test("attempt timeout → leaves room for the longest test.simulate in one run; no heartbeat required", () => {
    expect(testSimulate.attemptTimeoutMs).toBe(ATTEMPT_TIMEOUT_MAX_MS);
    expect(testSimulate.heartbeatTimeoutMs).toBeUndefined();
  });
});

describe("progress", () => {
  test("exact → counts the steps, from none to all, also when no time passes", async () => {
    const { ended, reported } = simulate({ steps: 4 });
    await ended;
    expect(reported.progress).toEqual(
      [0, 1, 2, 3, 4].map((current) => ({ current, total: 4, unit: "steps" })),
    );
  });

  test("coarse → names three stages and no number", async () => {
    const { ended, reported } = simulate({ steps: 5, progress: "coarse" });
    await ended;
    const stages = reported.progress.map(({ stage }) => stage);
    expect([...new Set(stages)]).toEqual(["preparing", "processing", "finalising"]);
    expect(reported.progress.every((report) => Object.keys(report).join() === "stage")).toBe(true);
  });

  test("none → only heartbeats", async () => {
    const { ended, reported, heartbeat } = simulate({ progress: "none" });
    await ended;
    expect(reported.progress).toEqual([]);
    expect(heartbeat).toHaveBeenCalled();
  });

  test.each(["exact", "coarse", "none"])("%s without heartbeats → nothing at all", async (progress) => {
    const { ended, reported, heartbeat } = simulate({ progress, heartbeats: false });
    await ended;
    expect(reported).toEqual({ progress: [], logs: [], checkpoints: [] });
    expect(heartbeat).not.toHaveBeenCalled();
  });

  test("comes at equal distances over the whole duration", async () => {
    vi.useFakeTimers();
    const { ended, reported } = simulate({ duration_ms: 10_000, steps: 4 });
    const seen = () => reported.progress.at(-1)?.current;
    expect(seen()).toBe(0);
    for (const current of [1, 2, 3]) {
      await vi.advanceTimersByTimeAsync(2_499);
      expect(seen()).toBe(current - 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(seen()).toBe(current);
    }
    await vi.advanceTimersByTimeAsync(2_500);
    expect(await ended).toBeNull();
  });
});

describe("the outcome", () => {
  const attempts = [
    { outcome: "fail", kind: "rate_limited", code: "slow_down", message: "Later.", retry_after_ms: 1500 },
    { outcome: "fail", kind: "not_found" },
    { outcome: "crash", message: "boom" },
    { outcome: "succeed" },
  ];

  test("of attempt n+1 is attempts[n], in the words given", async () => {
    const failure = await failureOf(simulate({ attempts }, { attempt: 1 }).ended);
    expect(failure).toBeInstanceOf(JobFailure);
    expect(failure).toMatchObject({
      kind: "rate_limited",
      code: "slow_down",
      publicMessage: "Later.",
      retryAfterMs: 1500,
    });
  });

  test("fail without words is its kind alone", async () => {
    const failure = await failureOf(simulate({ attempts }, { attempt: 2 }).ended);
    expect(failure).toMatchObject({ kind: "not_found", code: null, publicMessage: null, retryAfterMs: null });
  });

  test("crash is a plain exception with that text", async () => {
    const error = await failureOf(simulate({ attempts }, { attempt: 3 }).ended);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(JobFailure);
    expect(error).toMatchObject({ message: "boom" });
  });

  test("succeed returns the result, and the last outcome repeats", async () => {
    const result = { rows: [1, 2] };
    expect(await simulate({ attempts, result }, { attempt: 4 }).ended).toEqual(result);
    expect(await simulate({ attempts, result }, { attempt: 9 }).ended).toEqual(result);
  });

  test("hang → never returns, reports nothing, ignores the signal", async () => {
    vi.useFakeTimers();
    const stop = new AbortController();
    const input = { duration_ms: 1_000, attempts: [{ outcome: "hang" }] };
    const { ended, reported, heartbeat } = simulate(input, { signal: stop.signal });
    const ending = vi.fn();
    void ended.then(ending, ending);
    stop.abort(new Error("cancelled"));
    await vi.advanceTimersByTimeAsync(900_000);
    expect(ending).not.toHaveBeenCalled();
    expect(reported.progress).toEqual([]);
    expect(heartbeat).not.toHaveBeenCalled();
  });
});

describe("cancelling", () => {
  test("stops the work at once, with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("cancelled");
    const { ended, reported } = simulate({ duration_ms: 600_000 }, { signal: stop.signal });
    stop.abort(reason);
    expect(await Promise.race([failureOf(ended), sleep(1_000)])).toBe(reason);
    expect(reported.progress).toHaveLength(1);
  });

  test("does not stop it under ignore_cancel", async () => {
    const input = { duration_ms: 30, steps: 3, ignore_cancel: true, result: "done" };
    const { ended, reported } = simulate(input, { signal: AbortSignal.abort(new Error("cancelled")) });
    expect(await ended).toBe("done");
    expect(reported.progress).toHaveLength(4);
  });
});
