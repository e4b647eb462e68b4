/**
 * Jobs to test with: a submission with sensible limits, and a life that plays commands against a job with a clock
 * of its own and remembers what it told. Everything goes through the core's own door; no job is built by hand.
 */

import { acceptJob } from "../../src/core/dispatch.ts";
import {
  type Command,
  type Decision,
  type Effect,
  type FailureKind,
  isFinished,
  type Job,
  type JobEvent,
  type LogLine,
  type Policy,
  type Progress,
  type Report,
  type Submission,
  temporaryKinds,
} from "../../src/core/job.ts";
import { nextAlarmAt } from "../../src/core/timeouts.ts";
import { transition } from "../../src/core/transition.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** When every test job is accepted: 2025-06-15, far enough from 0 to tell a time from a duration. */
export const T0 = Date.UTC(2025, 5, 15);

/** With this chance the jitter is nil. */
export const NO_JITTER = 0;

export const nothing: Report = { progress: null, logs: [] };

export function policyOf(overrides: Partial<Policy> = {}): Policy {
  return {
    maxAttempts: 3,
    attemptTimeoutMs: 10 * MINUTE,
    heartbeatTimeoutMs: null,
    totalTimeoutMs: HOUR,
    leaseMs: 30 * SECOND,
    dispatchTimeoutMs: MINUTE,
    index: { period: "month", shards: 1 },
    backoff: { firstMs: 2 * SECOND, factor: 2, capMs: 15 * MINUTE },
    retryKinds: temporaryKinds,
    retentionMs: 30 * DAY,
    ...overrides,
  };
}

export function submissionOf(overrides: Partial<Submission> = {}): Submission {
  return {
    tenant: "acme",
    type: "test.simulate",
    input: "{}",
    metadata: {},
    fingerprint: null,
    uniqueKeys: [],
    replayedFrom: null,
    webhook: null,
    trace: { requestId: "request-1", keyId: "key-1", traceparent: "00-1-1-01", tracestate: null },
    policy: policyOf(),
    runAt: null,
    startTimeoutMs: null,
    queue: null,
    isRemote: false,
    ...overrides,
  };
}

export function progressOf(current: number | null, total: number | null = null): Progress {
  return { current, total, unit: null, stage: null, message: null };
}

let lines = 0;

/** A report whose log lines are numbered on from those of the reports before. */
export function reportOf(progress: Progress | null, ...messages: string[]): Report {
  const logs: LogLine[] = messages.map((message) => {
    lines += 1;
    return { number: lines, level: "info", message };
  });
  return { progress, logs };
}

export function failCommand(
  lease: string,
  kind: FailureKind,
  retryAfterMs: number | null = null,
  report = nothing,
): Command {
  const failure = { kind, code: kind, message: "As the handler said.", retryAfterMs, reference: "ref_1" };
  return { type: "fail", lease, report, failure };
}

/** The start a worker sends that holds the message the job waits for. */
export function startCommand(job: Job, lease: string): Command {
  const { phase } = job;
  const begun = job.attempts.length;
  const isContinuing = phase.status === "running" && phase.activity === "continuing";
  return isContinuing
    ? { type: "start", attempt: begun, continuation: job.continuation + 1, lease }
    : { type: "start", attempt: begun + 1, continuation: 0, lease };
}

/** The phase in one word. A scheduled or retrying job is not due yet; a stopping one is cancelled, its code runs on. */
export function standing(job: Job) {
  const { phase } = job;
  if (phase.status === "queued") return phase.wait.dispatches === 0 ? "scheduled" : "waiting";
  if (phase.status === "cancelled") return phase.cancellation.stopping === null ? "cancelled" : "stopping";
  if (phase.status !== "running") return phase.status;
  if (phase.activity !== "waiting_to_retry") return phase.activity;
  return phase.wait.dispatches === 0 ? "retrying" : "retry_due";
}

export function leaseOf(job: Job): string | null {
  return job.phase.status === "running" && job.phase.activity === "executing" ? job.phase.lease : null;
}

export function countOf(events: readonly JobEvent[], ...types: JobEvent["type"][]): number {
  return events.filter((event) => types.includes(event.type)).length;
}

/** A job from acceptance on. Commands named here are sent with the lease of the last start; answers are returned. */
export function lifeOf(policy: Partial<Policy> = {}, submission: Partial<Submission> = {}) {
  const accepted = acceptJob(submissionOf({ ...submission, policy: policyOf(policy) }), "job_01abc", T0);
  let job = accepted.job;
  let now = T0;
  let lease = "lease-0";
  const events: JobEvent[] = [...accepted.events];
  const effects: Effect[] = [...accepted.effects];

  function send(command: Command, random = NO_JITTER): Decision {
    const decision = transition(job, command, now, random);
    job = decision.job;
    events.push(...decision.events);
    effects.push(...decision.effects);
    return decision;
  }

  const life = {
    events,
    effects,
    send,
    get job() {
      return job;
    },
    get now() {
      return now;
    },
    get lease() {
      return lease;
    },
    /** Lets time pass without anybody noticing. */
    pass(ms: number) {
      now += ms;
      return life;
    },
    /** The alarm rings at its time, and again, until `untilAt` is reached or the job has finished. */
    ring(untilAt = nextAlarmAt(job)) {
      while (!isFinished(job) && nextAlarmAt(job) <= untilAt) {
        now = nextAlarmAt(job);
        send({ type: "wake" });
      }
      now = Math.max(now, untilAt);
      return life;
    },
    start() {
      lease = `lease-${job.attempts.length + 1}-${job.continuation + 1}-${job.version}`;
      return send(startCommand(job, lease));
    },
    report: (report: Report, isHeartbeat = true) => send({ type: "report", lease, report, isHeartbeat }),
    holdFiles: () => send({ type: "hold_files", lease }),
    saveCheckpoint: (checkpoint: string) => send({ type: "save_checkpoint", lease, checkpoint }),
    succeed: (report = nothing) => send({ type: "succeed", lease, report, result: '"done"' }),
    fail: (kind: FailureKind, retryAfterMs: number | null = null, report = nothing) =>
      send(failCommand(lease, kind, retryAfterMs, report)),
    /** After a slice long enough that the next one follows at once. */
    continueRun(checkpoint = "{}", report = nothing) {
      life.pass(SECOND);
      return send({ type: "continue", lease, report, checkpoint });
    },
    cancel: (reason: string | null = null) => send({ type: "cancel", reason, ifVersion: null }),
    acknowledge: () => send({ type: "acknowledge", lease }),
    wake: () => send({ type: "wake" }),
  };
  return life;
}

export type Life = ReturnType<typeof lifeOf>;

/** A life whose first attempt is running. */
export function startedLife(policy: Partial<Policy> = {}, submission: Partial<Submission> = {}): Life {
  const life = lifeOf(policy, submission);
  life.start();
  return life;
}

/** The id of the delivery of event `seq` of a life in these tests: it names the job, the job's making and the event. */
export function deliveryIdOf(seq: number): string {
  return `msg_01abc_${seq}`;
}
