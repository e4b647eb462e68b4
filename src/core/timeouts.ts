/**
 * The one alarm of a job, computed from what is stored and from nothing else.
 * Every unfinished job has a next deadline; when it comes, `wake` in transition.ts acts on it.
 */

import { unreachable } from "./assert.ts";
import { nextDeliveryAt } from "./deliveries.ts";
import { purgeAt, totalTimeoutAt } from "./facts.ts";
import type { Command, Executing, Job, Wait } from "./job.ts";

/** What happens at a deadline if nothing else happened before. */
export type DeadlineKind =
  | "total_timeout"
  | "start_timeout"
  | "attempt_timeout"
  | "heartbeat_timeout"
  | "lease"
  | "dispatch"
  | "dispatch_delivery"
  | "purge";

export type Deadline = { at: number; kind: DeadlineKind };

/**
 * To save writes, a heartbeat is stored only when the last one is a quarter of the timeout old. The timeout is
 * longer by as much, so a handler that keeps it never times out.
 */
const HEARTBEAT_SLACK = 1.25;

/** The earliest deadline; of two at the same time, the more severe one. */
export function nextDeadline(job: Job): Deadline {
  const all = allDeadlines(job);
  return all.reduce((first, other) => (other.at < first.at ? other : first));
}

/** When the alarm must fire at the latest, epoch milliseconds. */
export function nextAlarmAt(job: Job): number {
  return nextDeadline(job).at;
}

/** All deadlines of the job as it stands, the gravest first. */
function allDeadlines(job: Job): [Deadline, ...Deadline[]] {
  const [gravest, ...others] = phaseDeadlines(job);
  const deliverAt = nextDeliveryAt(job);
  return deliverAt === null
    ? [gravest, ...others]
    : [gravest, ...others, { at: deliverAt, kind: "dispatch_delivery" }];
}

function phaseDeadlines(job: Job): [Deadline, ...Deadline[]] {
  const { phase } = job;
  const totalTimeout: Deadline = { at: totalTimeoutAt(job), kind: "total_timeout" };
  switch (phase.status) {
    case "queued":
      return [totalTimeout, ...startDeadline(job), dispatchDeadline(phase.wait)];
    case "running":
      return phase.activity === "executing"
        ? [totalTimeout, ...runDeadlines(job, phase)]
        : [totalTimeout, dispatchDeadline(phase.wait)];
    case "succeeded":
    case "failed":
    case "cancelled":
      return [{ at: purgeAt(job) ?? phase.finishedAt, kind: "purge" }];
    default:
      return unreachable(phase);
  }
}

function runDeadlines(job: Job, phase: Executing): Deadline[] {
  const { attemptTimeoutMs, heartbeatTimeoutMs } = job.policy;
  const limits: Deadline[] = [
    { at: phase.runStartedAt + attemptTimeoutMs, kind: "attempt_timeout" },
    { at: phase.leaseEndsAt, kind: "lease" },
  ];
  if (heartbeatTimeoutMs !== null)
    limits.push({
      at: phase.lastHeartbeatAt + heartbeatTimeoutMs * HEARTBEAT_SLACK,
      kind: "heartbeat_timeout",
    });
  return limits;
}

function startDeadline(job: Job): Deadline[] {
  return job.startTimeoutAt === null ? [] : [{ at: job.startTimeoutAt, kind: "start_timeout" }];
}

function dispatchDeadline(wait: Wait): Deadline {
  return { at: wait.nextDispatchAt, kind: "dispatch" };
}

/** An outcome and a cancellation come before a timeout that has passed, because finished work counts. */
export function isAfterTimeouts({ type }: Command): boolean {
  return type === "start" || type === "report" || type === "save_checkpoint" || type === "hold_files";
}
