/** Promises kept under any limits, any commands in any order, stale or not, and any clock. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "vitest";
import { deliverableEvents, terminalEvents } from "../../src/core/deliveries.ts";
import { acceptJob } from "../../src/core/dispatch.ts";
import { totalTimeoutAt } from "../../src/core/facts.ts";
import { clearHeldReport, type HeldReport, holdReport, openHeldReport } from "../../src/core/held-report.ts";
import {
  type Command,
  type Decision,
  type Delivery,
  failureKinds,
  isFinished,
  type Job,
  type JobEvent,
  type Policy,
  type Report,
  temporaryKinds,
  type Webhook,
} from "../../src/core/job.ts";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import { transition } from "../../src/core/transition.ts";
import { checkHistory, checkStep } from "./invariants.ts";
import {
  DAY,
  failCommand,
  HOUR,
  leaseOf,
  MINUTE,
  nothing,
  progressOf,
  reportOf,
  SECOND,
  startCommand,
  submissionOf,
  T0,
} from "./job-fixtures.ts";

/** Small limits meet each other often, large ones are what is deployed. */
const limitMs = (most: number) =>
  fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: most }));

const orZero = (arbitrary: fc.Arbitrary<number>) =>
  fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 7, arbitrary });

const policies: fc.Arbitrary<Policy> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 25 }),
  attemptTimeoutMs: limitMs(14 * MINUTE),
  heartbeatTimeoutMs: fc.option(limitMs(10 * MINUTE)),
  totalTimeoutMs: limitMs(2 * DAY),
  leaseMs: limitMs(2 * MINUTE),
  dispatchTimeoutMs: limitMs(5 * MINUTE),
  index: fc.constant({ period: "month" as const, shards: 1 }),
  backoff: fc.record({
    firstMs: orZero(limitMs(MINUTE)),
    factor: fc.constantFrom(1, 1.5, 2, 10),
    capMs: orZero(limitMs(15 * MINUTE)),
  }),
  retryKinds: fc.subarray([...failureKinds]).map((more) => [...new Set([...temporaryKinds, ...more])]),
  retentionMs: limitMs(30 * DAY),
});

const webhooks: fc.Arbitrary<Webhook | null> = fc
  .constantFrom(null, terminalEvents, deliverableEvents)
  .map((events) => events && { url: "https://example.com/hook", events });

const submissions = fc.record({
  policy: policies,
  webhook: webhooks,
  runAt: fc.option(fc.integer({ min: T0 - HOUR, max: T0 + DAY }), { freq: 1 }),
  startTimeoutMs: fc.option(orZero(limitMs(DAY)), { freq: 1 }),
});

const amounts = fc.option(fc.oneof(fc.nat(10), fc.maxSafeNat()));
const reports: fc.Arbitrary<Report> = fc.oneof(
  fc.constant(nothing),
  fc.tuple(amounts, amounts).map(([current, total]) => reportOf(progressOf(current, total))),
  fc.tuple(amounts, fc.nat(400)).map(([current, lines]) => {
    return reportOf(progressOf(current), ...Array<string>(lines).fill("a line"));
  }),
);

/** Of some values, the first far more often than the others. */
const mostly = <const T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** How the clock moves before a command: hardly, to around the alarm, or far. */
const pauses = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ until: fc.constant("now" as const), ms: fc.constantFrom(0, 0, 1, 500, 3_000) }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      until: fc.constant("alarm" as const),
      ms: fc.constantFrom(-1, 0, 1, SECOND, HOUR),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ until: fc.constant("now" as const), ms: fc.integer({ min: 0, max: 3 * DAY }) }),
  },
);

const acts = fc.record({
  pause: pauses,
  /** Whether alarms that lie between ring at their time, or not at all. */
  alarms: mostly(true, false),
  /** Whether a job that waits is waited for and claimed, whatever the command was to be. */
  fits: mostly(true, false),
  random,
  /** Whose lease the command carries: the one that holds now, the last one given, or one never given. */
  whose: mostly("current", "last", "foreign"),
  /** How far the attempt or version named is from the right one. */
  off: mostly(0, -1, 1),
  isHeartbeat: fc.boolean(),
  /** Whether the attempt, if one runs, reports over its socket instead. */
  isOverSocket: mostly(false, true),
  report: reports,
  kind: mostly("service_unavailable", ...failureKinds),
  retryAfterMs: mostly(null, 0, SECOND, 2 * HOUR),
  /** How a try to deliver went, and which delivery is meant, from the last. */
  status: mostly(500, null, 200, 302, 410, 429),
  which: mostly(0, 1, 2, 100),
  command: fc.constantFrom(
    ...([
      "start",
      "report",
      "report",
      "report",
      "report",
      "save_checkpoint",
      "save_checkpoint",
      "hold_files",
    ] as const),
    ...(["continue", "continue", "continue", "fail", "fail", "fail", "fail", "wake", "wake"] as const),
    ...(["succeed", "cancel", "acknowledge", "acknowledge", "shorten_lease"] as const),
    ...(["record_delivery", "record_delivery", "record_delivery", "redeliver"] as const),
  ),
});
const sequences = fc.array(acts, { minLength: 1, maxLength: 40, size: "max" });
type Act = typeof acts extends fc.Arbitrary<infer T> ? T : never;

describe("any commands under any limits and any clock", () => {
  test("keep every promise after every single command", () => {
    fc.assert(
      fc.property(submissions, sequences, (submission, sequence) => {
        const life = checkedLife(submission);
        for (const act of sequence) {
          if (life.hasLongFinished()) break;
          life.advance(act);
          if (act.isOverSocket && life.hold(act)) continue;
          life.apply(commandOf(act, life.job(), life.lastLease()), act.random);
        }
        checkHistory(life.job(), life.events);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a job under any limits", () => {
  test("that is never claimed ends by its timeouts: cancelled with start_timeout", () => {
    fc.assert(
      fc.property(submissions, random, (submission, chance) => {
        const life = checkedLife(submission);
        life.wakeUntilFinished(chance, () => undefined);
        assert.deepEqual(endOf(life.job()), ["cancelled", "start_timeout"]);
        assert.equal(
          finishedAt(life.job()),
          Math.min(totalTimeoutAt(life.job()), life.job().startTimeoutAt ?? Infinity),
        );
        checkHistory(life.job(), life.events);
      }),
      { numRuns: 200 },
    );
  });

  test("whose workers all vanish ends by its limits, in time: failed, or expired if none ever came", () => {
    fc.assert(
      fc.property(submissions, random, (submission, chance) => {
        const life = checkedLife(submission);
        life.wakeUntilFinished(chance, () => life.apply(startCommand(life.job(), life.newLease()), chance));
        const { attempts } = life.job();
        const [status, reason] = endOf(life.job());
        assert.equal(status, attempts.length === 0 ? "cancelled" : "failed");
        assert.ok(reason !== "permanent_failure" && reason !== "requested");
        assert.ok(attempts.every((attempt) => ["lost", "timed_out"].includes(attempt.status)));
        assert.ok(finishedAt(life.job()) <= totalTimeoutAt(life.job()));
        checkHistory(life.job(), life.events);
      }),
      { numRuns: 400 },
    );
  });

  test("that would continue for ever ends by its limits, in its first attempt", () => {
    const patient = submissions.map((submission) => ({
      ...submission,
      policy: { ...submission.policy, attemptTimeoutMs: HOUR, leaseMs: HOUR, heartbeatTimeoutMs: null },
    }));
    fc.assert(
      fc.property(patient, limitMs(MINUTE), random, (submission, sliceMs, chance) => {
        const { totalTimeoutMs } = submission.policy;
        const life = checkedLife(submission);
        life.wakeUntilFinished(chance, () => {
          life.apply(startCommand(life.job(), life.newLease()), chance);
          life.pass(Math.max(sliceMs, Math.ceil(totalTimeoutMs / 20)));
          const lease = life.lastLease();
          life.apply({ type: "continue", lease, report: nothing, checkpoint: "{}" }, chance);
        });
        assert.ok(
          ["total_timeout", "start_timeout", "attempts_exhausted"].includes(`${endOf(life.job())[1]}`),
        );
        assert.ok(life.job().attempts.length <= 1);
      }),
      { numRuns: 200 },
    );
  });
});

function endOf({ phase }: Job): [string, string | null] {
  return [phase.status, "reason" in phase ? phase.reason : null];
}

function finishedAt({ phase }: Job): number {
  return "finishedAt" in phase ? phase.finishedAt : Number.NaN;
}

/** A life in which every command is checked. */
function checkedLife(submission: Parameters<typeof submissionOf>[0]) {
  const accepted = acceptJob(submissionOf(submission), "job_01abc", T0);
  const events: JobEvent[] = [...accepted.events];
  let job = accepted.job;
  let now = T0;
  let leases = 0;
  let inVain = 0;
  let held: HeldReport | null = null;

  function apply(command: Command, chance: number): Decision {
    const before = job;
    const decision = transition(before, command, now, chance, held);
    checkStep(before, command, now, decision, held);
    if (isFinished(before)) inVain += 1;
    job = decision.job;
    const isGone = command.type === "shorten_lease" || leaseOf(job) !== held?.lease;
    if (isGone) held = null;
    else if (held && job !== before) held = clearHeldReport(held);
    events.push(...decision.events);
    if (job.phase.status !== before.phase.status) checkHistory(job, events);
    return decision;
  }

  return {
    events,
    apply,
    /** The attempt that runs reports over its socket; false if none runs. */
    hold({ report, isHeartbeat, random: chance }: Act): boolean {
      const lease = leaseOf(job);
      if (lease === null) return false;
      held ??= openHeldReport(lease, now, chance);
      const next = holdReport(job, held, { report, isHeartbeat }, now);
      if (next) held = next;
      else apply({ type: "report", lease, report, isHeartbeat, isOverSocket: true }, chance);
      return true;
    },
    job: () => job,
    /** Finished so long ago that enough has been tried in vain. */
    hasLongFinished: () => inVain >= 6,
    lastLease: () => `lease-${leases}`,
    newLease: () => `lease-${++leases}`,
    pass(ms: number): void {
      now += ms;
    },
    /** Lets the clock run before an act, with or without the alarms that ring on the way. */
    advance({ pause, alarms, fits, random: chance }: Act): void {
      const isNotDue = "wait" in job.phase && job.phase.wait.dispatches === 0;
      const toAlarm = pause.until === "alarm" || (fits && isNotDue);
      const from = toAlarm ? Math.min(nextAlarmAt(job), now + 3 * DAY) : now;
      const target = Math.max(now, from + pause.ms);
      while (alarms && !isFinished(job) && nextAlarmAt(job) < target) {
        now = Math.max(now, nextAlarmAt(job));
        apply({ type: "wake" }, chance);
      }
      now = target;
      leases += "wait" in job.phase ? 1 : 0;
    },
    /** Rings every alarm at its time; `onSent` acts whenever a message for a worker has gone out. */
    wakeUntilFinished(chance: number, onSent: () => void): void {
      if (accepted.effects.some(({ type }) => type === "dispatch")) onSent();
      for (let rings = 0; !isFinished(job); rings++) {
        assert.ok(rings < 2_000, "a job does not wake for ever");
        now = Math.max(now, nextAlarmAt(job));
        const { effects } = apply({ type: "wake" }, chance);
        if (effects.some(({ type }) => type === "dispatch")) onSent();
      }
    },
  };
}

/** The command an act means for the job as it stands. */
function commandOf(act: Act, job: Job, newest: string): Command {
  const { report, isHeartbeat, off } = act;
  const isClaimed = act.fits && "wait" in job.phase && act.command !== "cancel";
  const stopping = job.phase.status === "cancelled" ? job.phase.cancellation.stopping : null;
  const lease = {
    current: leaseOf(job) ?? stopping ?? newest,
    last: newest,
    foreign: "lease-of-another",
  }[act.whose];
  const command = isClaimed ? "start" : act.command;
  switch (command) {
    case "start": {
      const asked = startCommand(job, newest);
      return asked.type === "start" ? { ...asked, attempt: asked.attempt + off } : asked;
    }
    case "report":
      return { type: "report", lease, report, isHeartbeat };
    case "hold_files":
      return { type: "hold_files", lease };
    case "save_checkpoint":
      return { type: "save_checkpoint", lease, checkpoint: "{}" };
    case "continue":
      return { type: "continue", lease, report, checkpoint: "{}" };
    case "fail":
      return failCommand(lease, act.kind, act.retryAfterMs, report);
    case "succeed":
      return { type: "succeed", lease, report, result: null };
    case "cancel":
      return { type: "cancel", reason: null, ifVersion: off === 0 ? null : [job.version + off, 1] };
    case "acknowledge":
    case "shorten_lease":
      return { type: command, lease };
    case "record_delivery":
      return deliveredCommand(act, job);
    case "redeliver":
      return { type: "redeliver", deliveryId: deliveryNamed(act, job)?.id ?? "msg_other_1" };
    case "wake":
      return { type: "wake" };
  }
}

function deliveryNamed({ which }: Act, job: Job): Delivery | undefined {
  return job.deliveries.at(-1 - which);
}

function deliveredCommand(act: Act, job: Job): Command {
  const delivery = deliveryNamed(act, job);
  const { status, retryAfterMs, off } = act;
  const error = status === null ? "timeout" : null;
  const outcome = { startedAt: T0, status, error, durationMs: 1, retryAfterMs } as const;
  const attempt = (delivery?.attemptCount ?? 0) + 1 + off;
  return { type: "record_delivery", deliveryId: delivery?.id ?? "msg_other_1", attempt, outcome };
}
