/**
 * The one alarm of a job, computed from what is stored and from nothing else.
 * Every unfinished job has a next deadline; when it comes, `wake` in transition.ts acts on it.
 */

import { unreachable } from "./assert.ts";
import { nextDeliveryAt } from "./delivery.ts";
import { type Executing, expiresAt, type Job, timeLimitAt, type Wait } from "./job.ts";

/** What happens at a deadline if nothing else happened before. */
export type DeadlineKind =
  | "time_limit"
  | "start_by"
  | "attempt_limit"
  | "silence"
  | "lease"
  | "send"
  | "deliver"
  | "purge";

export type Deadline = { at: number; kind: DeadlineKind };

/**
 * A sign of life is stored only when the last one is a quarter of the limit old, for a write is money; so much later
 * the silence ends, and a handler that keeps its limit is never taken for silent.
 */
const SILENCE_SLACK = 1.25;

/** The earliest thing that must happen to the job by itself; of two at one time, the graver. */
export function nextDeadline(job: Job): Deadline {
  const all = deadlines(job);
  return all.reduce((first, other) => (other.at < first.at ? other : first));
}

/** The time of the next deadline, epoch milliseconds: when the alarm must ring at the latest. */
export function nextWakeup(job: Job): number {
  return nextDeadline(job).at;
}

/** Whether nothing is to happen to the job any more but that it is purged one day. */
export function isSettled(job: Job): boolean {
  return nextDeadline(job).kind === "purge";
}

/** All deadlines of the job as it stands, the gravest first. */
function deadlines(job: Job): [Deadline, ...Deadline[]] {
  const [gravest, ...others] = ofPhase(job);
  const deliverAt = nextDeliveryAt(job);
  return deliverAt === null ? [gravest, ...others] : [gravest, ...others, { at: deliverAt, kind: "deliver" }];
}

function ofPhase(job: Job): [Deadline, ...Deadline[]] {
  const { phase } = job;
  const timeLimit: Deadline = { at: timeLimitAt(job), kind: "time_limit" };
  switch (phase.status) {
    case "queued":
      return [timeLimit, ...startBy(job), send(phase.wait)];
    case "running":
      return phase.activity === "executing"
        ? [timeLimit, ...whileExecuting(job, phase)]
        : [timeLimit, send(phase.wait)];
    case "succeeded":
    case "failed":
    case "cancelled":
      return [{ at: expiresAt(job) ?? phase.finishedAt, kind: "purge" }];
    default:
      return unreachable(phase);
  }
}

function whileExecuting(job: Job, phase: Executing): Deadline[] {
  const { attemptLimitMs, silenceLimitMs } = job.policy;
  const limits: Deadline[] = [
    { at: phase.sliceStartedAt + attemptLimitMs, kind: "attempt_limit" },
    { at: phase.leaseEndsAt, kind: "lease" },
  ];
  if (silenceLimitMs !== null)
    limits.push({ at: phase.heardAt + silenceLimitMs * SILENCE_SLACK, kind: "silence" });
  return limits;
}

function startBy(job: Job): Deadline[] {
  return job.startBy === null ? [] : [{ at: job.startBy, kind: "start_by" }];
}

function send(wait: Wait): Deadline {
  return { at: wait.nextSendAt, kind: "send" };
}
