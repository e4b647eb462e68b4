/** The contract's rules about attempts, timeouts and continuations. */

import { describe, expect, test } from "vitest";
import { failureReference } from "../../src/core/failure.ts";
import { type FailureKind, failureKinds, temporaryKinds } from "../../src/core/job.ts";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import {
  countOf,
  DAY,
  HOUR,
  leaseOf,
  lifeOf,
  MINUTE,
  progressOf,
  reportOf,
  SECOND,
  standing,
  startedLife,
  T0,
} from "./job-fixtures.ts";

const permanentKinds = failureKinds.filter((kind) => !temporaryKinds.includes(kind));

describe("a failed attempt", () => {
  test.each(temporaryKinds)("of the temporary kind %s is retried while attempts remain", (kind) => {
    const life = startedLife({ maxAttempts: 2 });
    life.fail(kind);
    expect(life.job.phase).toMatchObject({ activity: "waiting_to_retry", wait: { dueAt: T0 + 2 * SECOND } });
    expect(life.job.attempts).toMatchObject([
      { number: 1, status: "failed", finishedAt: T0, error: { kind } },
    ]);
    expect(life.events.at(-1)).toMatchObject({
      type: "job.attempt_failed",
      nextAttemptAt: T0 + 2 * SECOND,
      error: { reference: "ref_1" },
    });
  });

  test.each(temporaryKinds)("of the temporary kind %s ends the job when no attempt remains", (kind) => {
    const life = startedLife({ maxAttempts: 2 });
    life.fail(kind);
    life.ring(life.now + 2 * SECOND).start();
    life.fail(kind);
    expect(life.job.phase).toMatchObject({
      status: "failed",
      reason: "attempts_exhausted",
      error: { kind, reference: "ref_1" },
    });
    expect(life.events.slice(-2)).toMatchObject([
      { type: "job.attempt_failed", attempt: 2, nextAttemptAt: null },
      { type: "job.failed", reason: "attempts_exhausted" },
    ]);
  });

  test.each(permanentKinds)("of the permanent kind %s ends the job at once", (kind) => {
    const life = startedLife({ maxAttempts: 25 });
    life.fail(kind);
    expect(life.job.phase).toMatchObject({ status: "failed", reason: "permanent_failure" });
    expect(life.job.attempts).toMatchObject([{ number: 1, status: "failed" }]);
  });

  test("of a kind that the type retries besides is retried", () => {
    const retryKinds: FailureKind[] = [...temporaryKinds, "not_found"];
    const life = startedLife({ retryKinds });
    life.fail("not_found");
    expect(standing(life.job)).toBe("retrying");
  });

  test("waits at least as long as the failed party asked, and longer if the backoff says so", () => {
    const patient = startedLife();
    patient.fail("rate_limited", 5 * MINUTE);
    expect(nextAlarmAt(patient.job)).toBe(T0 + 5 * MINUTE);
    const hasty = startedLife();
    hasty.fail("rate_limited", 1);
    expect(nextAlarmAt(hasty.job)).toBe(T0 + 2 * SECOND);
  });

  test("is not retried past the total limit: better failed now than a retry that can never begin", () => {
    const inTime = startedLife({ totalTimeoutMs: 10 * MINUTE });
    inTime.fail("rate_limited", 10 * MINUTE - 1);
    expect(standing(inTime.job)).toBe("retrying");
    const tooLate = startedLife({ totalTimeoutMs: 10 * MINUTE });
    tooLate.fail("rate_limited", 10 * MINUTE);
    expect(tooLate.job.phase).toMatchObject({
      status: "failed",
      finishedAt: T0,
      reason: "total_timeout",
      error: { kind: "rate_limited" },
    });
  });

  test("that may be repeated at once sends the next message at once", () => {
    const life = startedLife({ backoff: { firstMs: 0, factor: 1, capMs: 0 } });
    expect(life.fail("timeout").effects).toEqual([{ type: "dispatch", attempt: 2, continuation: 0 }]);
    expect(standing(life.job)).toBe("retry_due");
  });

  test("leaves the checkpoint to the next one, but not its progress", () => {
    const life = startedLife();
    life.saveCheckpoint('{"row":7}');
    life.report(reportOf(progressOf(7, 10)));
    life.fail("timeout");
    life.ring(life.now + 2 * SECOND);
    expect(life.job).toMatchObject({ checkpoint: '{"row":7}', progress: { current: 7 } });
    life.start();
    expect(life.job).toMatchObject({ checkpoint: '{"row":7}', progress: null });
  });
});

describe("a deadline", () => {
  test("to start by cancels a queued job as expired, by the system", () => {
    const life = lifeOf({}, { startTimeoutMs: 90 * SECOND }).ring(T0 + 2 * MINUTE);
    expect(life.job.phase).toMatchObject({
      status: "cancelled",
      finishedAt: T0 + 90 * SECOND,
      reason: "start_timeout",
      cancellation: { by: "system", requestedAt: T0 + 90 * SECOND, acknowledgedAt: T0 + 90 * SECOND },
    });
    expect(life.events.at(-1)).toMatchObject({
      type: "job.cancelled",
      reason: "start_timeout",
      by: "system",
    });
  });

  test("to start by counts from when the job is due, and no longer once an attempt began", () => {
    const life = lifeOf({}, { runAt: T0 + HOUR, startTimeoutMs: MINUTE });
    expect(life.job.startTimeoutAt).toBe(T0 + HOUR + MINUTE);
    life.ring(T0 + HOUR + 30 * SECOND).start();
    life.fail("timeout");
    life.ring(T0 + HOUR + 2 * MINUTE);
    expect(standing(life.job)).toBe("retry_due");
  });

  test("to start by that passed unnoticed refuses the worker that comes late", () => {
    const life = lifeOf({}, { startTimeoutMs: MINUTE }).pass(MINUTE);
    expect(life.start().answer).toEqual({ ok: false, reason: "not_waiting" });
    expect(life.job.phase).toMatchObject({ status: "cancelled", reason: "start_timeout" });
  });

  test("of the total limit cancels a queued job as expired, for queued may not become failed", () => {
    const life = lifeOf({ totalTimeoutMs: HOUR }).ring(T0 + HOUR);
    expect(life.job.phase).toMatchObject({
      status: "cancelled",
      finishedAt: T0 + HOUR,
      reason: "start_timeout",
    });
    expect(countOf(life.events, "job.failed", "job.started")).toBe(0);
  });

  test("of the total limit counts from when the job is due", () => {
    const life = lifeOf({ totalTimeoutMs: HOUR }, { runAt: T0 + 5 * HOUR }).ring(T0 + 6 * HOUR - 1);
    expect(standing(life.job)).toBe("waiting");
    expect(standing(life.ring(T0 + 6 * HOUR).job)).toBe("cancelled");
  });

  test("of a job whose time to run is past counts from its acceptance", () => {
    const life = lifeOf({ totalTimeoutMs: HOUR }, { runAt: T0 - DAY, startTimeoutMs: 2 * HOUR });
    expect(life.job).toMatchObject({ dueAt: T0, startTimeoutAt: T0 + 2 * HOUR });
    expect(standing(life.ring(T0 + HOUR - 1).job)).toBe("waiting");
  });

  test("of the total limit fails a job that is executing, and its attempt has timed out", () => {
    const life = startedLife({ totalTimeoutMs: 20 * SECOND }).ring();
    expect(life.job).toMatchObject({
      phase: { status: "failed", finishedAt: T0 + 20 * SECOND, reason: "total_timeout" },
      attempts: [{ status: "timed_out", error: { kind: "timeout", code: "timeout" } }],
    });
  });

  test("of the total limit fails a job between two attempts, whose attempts stay as they ended", () => {
    const life = startedLife({ totalTimeoutMs: 20 * SECOND });
    life.fail("rate_limited", 19 * SECOND);
    life.ring(T0 + 20 * SECOND);
    expect(life.job).toMatchObject({
      phase: { status: "failed", reason: "total_timeout", error: { kind: "rate_limited" } },
      attempts: [{ status: "failed", finishedAt: T0, error: { kind: "rate_limited" } }],
    });
    expect(countOf(life.events, "job.attempt_failed")).toBe(1);
  });

  test("of the total limit fails a job that waits to continue", () => {
    const life = startedLife({ totalTimeoutMs: 20 * SECOND });
    life.continueRun();
    life.ring(T0 + 20 * SECOND);
    expect(life.job).toMatchObject({
      phase: { status: "failed", reason: "total_timeout" },
      attempts: [{ status: "timed_out" }],
    });
  });

  test("of the lease counts the worker as lost and retries, in the service's own words", () => {
    const life = startedLife({ leaseMs: 30 * SECOND }).ring(T0 + 30 * SECOND);
    expect(standing(life.job)).toBe("retrying");
    expect(life.job.attempts).toMatchObject([{ status: "lost", error: { kind: "worker_lost" } }]);
    const { id } = life.job;
    expect(life.events.at(-1)).toMatchObject({
      status: "lost",
      error: {
        code: "worker_lost",
        message: "This attempt failed.",
        reference: failureReference(id, 1),
      },
    });
  });

  test("of the attempt ends it as timed out, however often it renews its lease", () => {
    const life = startedLife({ attemptTimeoutMs: MINUTE });
    for (const _ of [1, 2]) life.pass(20 * SECOND).report(reportOf(null));
    life.pass(15 * SECOND).report(reportOf(progressOf(1)));
    expect(nextAlarmAt(life.job)).toBe(T0 + MINUTE);
    life.ring();
    expect(life.job.attempts).toMatchObject([
      { status: "timed_out", finishedAt: T0 + MINUTE, error: { kind: "timeout" } },
    ]);
    expect(standing(life.job)).toBe("retrying");
  });

  test("of silence ends an attempt that only its worker vouches for", () => {
    const life = startedLife({ heartbeatTimeoutMs: 20 * SECOND });
    life.pass(10 * SECOND).report(reportOf(null), true);
    life.pass(20 * SECOND).report(reportOf(null), false);
    expect(leaseOf(life.job)).toBe(life.lease);
    life.ring(T0 + 35 * SECOND);
    expect(life.job.attempts).toMatchObject([{ status: "timed_out", finishedAt: T0 + 35 * SECOND }]);
  });

  test("noticed late is acted on once, and what follows counts from then", () => {
    const life = startedLife({ leaseMs: 30 * SECOND }).pass(10 * MINUTE);
    life.wake();
    expect(life.job.phase).toMatchObject({ wait: { dueAt: T0 + 10 * MINUTE + 2 * SECOND } });
    expect(countOf(life.events, "job.attempt_failed")).toBe(1);
  });

  test("noticed by a command that is refused is acted on all the same", () => {
    const life = lifeOf({}, { runAt: T0 + HOUR }).pass(HOUR);
    const { answer, effects } = life.report(reportOf(null));
    expect(answer).toEqual({ ok: false, reason: "stale" });
    expect(effects).toEqual([{ type: "dispatch", attempt: 1, continuation: 0 }]);
  });

  test("that passed unnoticed does not undo work that was done", () => {
    const life = startedLife({ leaseMs: 30 * SECOND }).pass(2 * HOUR);
    expect(life.succeed().answer).toEqual({ ok: true });
    expect(life.job).toMatchObject({ phase: { status: "succeeded" }, result: '"done"' });
  });
});

describe("an unclaimed message", () => {
  test("goes out when the job is due, then again at doubling distances", () => {
    const life = lifeOf({ dispatchTimeoutMs: MINUTE }, { runAt: T0 + HOUR }).ring(T0 + HOUR);
    expect(life.effects).toEqual([{ type: "dispatch", attempt: 1, continuation: 0 }]);
    const times = [1, 2, 3].map(() => life.ring().now - T0 - HOUR);
    expect(times).toEqual([MINUTE, 3 * MINUTE, 7 * MINUTE]);
    expect(life.effects).toHaveLength(4);
  });
});

describe("a job that continues later", () => {
  test("uses no attempt, keeps its checkpoint, and says which slice comes", () => {
    const life = startedLife({ maxAttempts: 1, attemptTimeoutMs: MINUTE });
    for (const continuation of [1, 2, 3]) {
      life.pass(20 * SECOND).continueRun(`{"continuation":${continuation}}`);
      expect(life.events.at(-1)).toMatchObject({ type: "job.continued", attempt: 1, continuation });
      expect(life.effects.at(-1)).toEqual({ type: "dispatch", attempt: 1, continuation });
      life.start();
      expect(life.job).toMatchObject({ continuation, checkpoint: `{"continuation":${continuation}}` });
    }
    expect(life.job.attempts).toMatchObject([{ number: 1, status: "running", startedAt: T0 }]);
    expect(countOf(life.events, "job.started")).toBe(1);
  });

  test("starts with the first slice again when a later attempt follows, from the last checkpoint", () => {
    const life = startedLife();
    life.continueRun('{"rows":2}');
    life.start();
    life.fail("timeout");
    life.ring().start();
    expect(life.job).toMatchObject({
      continuation: 0,
      checkpoint: '{"rows":2}',
      attempts: [{}, { number: 2 }],
    });
  });

  test("begins continuations at least a second apart", () => {
    const life = startedLife();
    life.send({ type: "continue", lease: life.lease, report: reportOf(null), checkpoint: "{}" });
    expect(life.start().answer).toEqual({ ok: false, reason: "not_waiting" });
    life.ring(T0 + SECOND);
    expect(life.start().answer).toEqual({ ok: true });
  });

  test("may not do so past the total limit", () => {
    const life = startedLife({ totalTimeoutMs: MINUTE }).pass(MINUTE);
    life.continueRun();
    expect(life.job.phase).toMatchObject({ status: "failed", reason: "total_timeout" });
  });
});
