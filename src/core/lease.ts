/**
 * What the owner of a lease may do while it runs. The lease is renewed, shortened or checked here; no status
 * changes.
 */

import { unreachable } from "./assert.ts";
import { bumpVersion, type Change, createChange, decide, noChange } from "./change.ts";
import { leaseDurationMs } from "./held-report.ts";
import type { Command, Decision, EndedRun, Executing, Job, Rejection } from "./job.ts";
import { applyReport } from "./progress.ts";

/** The lease is renewed when half of it has passed: seldom enough to be cheap, early enough for a few retries. */
const RENEW_BELOW = 1 / 2;

/** A remote worker may wait for half a lease after its report, and then has a quarter left. */
const RENEW_REMOTE_BELOW = 3 / 4;

/** A live worker renews at once after its socket broke; this leaves time for a few retries. */
const CONNECTION_LOST_LEASE_MS = 5_000;

/** Rejects the command; nothing changes. */
export function reject(job: Job, reason: Rejection): Decision {
  return decide({ ok: false, reason }, noChange(job));
}

/** Runs `next` only for the owner of the current lease. */
export function withLease<C extends { lease: string }>(
  job: Job,
  command: C,
  now: number,
  next: (job: Job, phase: Executing, command: C, now: number) => Change,
): Decision {
  const { phase } = job;
  if ("lease" in phase && phase.lease === command.lease) {
    return decide({ ok: true }, next(job, phase, command, now));
  }
  return reject(job, rejectionReason(job, command.lease) ?? "stale");
}

/**
 * Why the run with this lease no longer counts: its job was cancelled, its own worker has ended it, or it is not the one;
 * null while it does.
 */
export function rejectionReason({ phase, endedRun }: Job, lease: string): LeaseRejection | null {
  if ("lease" in phase && phase.lease === lease) return null;
  if (endedRun?.lease === lease) return "finished";
  return phase.status === "cancelled" && phase.cancellation.stopping === lease ? "cancelled" : "stale";
}

export type LeaseRejection = Extract<Rejection, "cancelled" | "finished" | "stale">;

/** The worker socket closed abnormally: unless the worker renews its lease soon, it counts as lost. */
export function shortenLease(job: Job, phase: Executing, _: unknown, now: number): Change {
  const leaseEndsAt = Math.min(phase.leaseEndsAt, now + CONNECTION_LOST_LEASE_MS);
  return createChange({ ...job, phase: { ...phase, leaseEndsAt } }, now, []);
}

type RunningCommand = Extract<Command, { type: "report" | "save_checkpoint" | "hold_files" }>;

function applyRunning(job: Job, command: RunningCommand, now: number): Change {
  switch (command.type) {
    case "report":
      return applyReport(job, command.report, now);
    case "save_checkpoint":
      return createChange({ ...job, checkpoint: command.checkpoint }, now, []);
    case "hold_files":
      return job.holdsFiles ? noChange(job) : createChange({ ...job, holdsFiles: true }, now, []);
    default:
      return unreachable(command);
  }
}

/** What a running attempt says: kept, and taken as a renewal of the lease. */
export function recordReport(job: Job, phase: Executing, command: RunningCommand, now: number): Change {
  const { heartbeatTimeoutMs } = job.policy;
  const leaseMs = leaseDurationMs(job, command.type === "report" && command.isOverSocket === true);
  const said = applyRunning(job, command, now);
  const isHeartbeat = command.type !== "report" || command.isHeartbeat;
  const renewBelow = job.isRemote ? RENEW_REMOTE_BELOW : RENEW_BELOW;
  const renewDue = phase.leaseEndsAt - now < leaseMs * renewBelow;
  const signDue =
    isHeartbeat && heartbeatTimeoutMs !== null && now - phase.lastHeartbeatAt > heartbeatTimeoutMs / 4;
  if (said.job === job && !renewDue && !signDue) return said;
  const renewed = {
    ...phase,
    leaseEndsAt: Math.max(phase.leaseEndsAt, now + leaseMs),
    lastHeartbeatAt: isHeartbeat ? now : phase.lastHeartbeatAt,
  };
  return { ...said, job: { ...said.job, phase: renewed } };
}

/** Notes how a remote worker ended its run. */
export function withEndedRun(job: Job, { lease, type }: Pick<EndedRun, "lease" | "type">): Job {
  const { phase } = job;
  const isAwaited = "wait" in phase && phase.status === "running";
  const isLater = isAwaited && (phase.activity === "waiting_to_retry" || phase.isDelayed === true);
  const nextAttemptAt = isLater ? phase.wait.dueAt : null;
  return { ...job, endedRun: { lease, type, status: phase.status, nextAttemptAt } };
}

/** The cancelled code has really stopped. */
export function acknowledgeCancel(job: Job, lease: string, now: number): Decision {
  const { phase } = job;
  if (phase.status !== "cancelled" || phase.cancellation.stopping !== lease) return reject(job, "stale");
  const cancellation = { ...phase.cancellation, acknowledgedAt: now, stopping: null };
  return decide(
    { ok: true },
    createChange(bumpVersion(job, { phase: { ...phase, cancellation } }, now), now, []),
  );
}
