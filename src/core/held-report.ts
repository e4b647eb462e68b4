/**
 * What a running attempt said over its worker socket and is not stored yet: progress and heartbeats of at most a minute.
 * The next stored change stores it first. A crash loses it, and nothing else.
 */

import { type Change, createChange, noChange } from "./change.ts";
import type { Command, Executing, Job, Progress, Report } from "./job.ts";
import { applyReport, isSameProgress, sanitizeProgress } from "./progress.ts";
import { MINUTE } from "./time.ts";
import { nextDeadline } from "./timeouts.ts";

/** Progress is stored at most this often, unless something else changes. */
const STORE_INTERVAL_MS = MINUTE;

/** An open worker socket is worth so many leases: when it breaks, the lease is shortened. */
const SOCKET_LEASES = 4;

/** More than are drawn in the life of any job. */
const NUMBERS = 1e12;

/** Of the socket of one attempt. Every time is epoch milliseconds. */
export type HeldReport = {
  lease: string;
  /** When the worker last said anything. */
  aliveAt: number;
  /** The code's last heartbeat, if it is not stored. */
  heartbeatAt: number | null;
  progress: (Progress & { at: number }) | null;
  /** Since when progress is held. */
  since: number | null;
  /** Counts progress that is held, from a random number: none comes twice, not even after a crash. */
  number: number;
};

/** The socket of the attempt with this lease has just opened. `random` is in [0, 1). */
export function openHeldReport(lease: string, now: number, random: number): HeldReport {
  const number = Math.floor(random * NUMBERS);
  return { lease, aliveAt: now, heartbeatAt: null, progress: null, since: null, number };
}

/** All was stored. */
export function clearHeldReport(held: HeldReport): HeldReport {
  return { ...held, heartbeatAt: null, progress: null, since: null };
}

/** How long a lease lasts that is renewed over a socket, or without one, in milliseconds. */
export function leaseDurationMs({ policy }: Job, isOverSocket: boolean): number {
  return policy.leaseMs * (isOverSocket ? SOCKET_LEASES : 1);
}

/** Adds a report of the attempt to what is held; null if it must be stored at once. */
export function holdReport(
  job: Job,
  held: HeldReport,
  { report, isHeartbeat }: { report: Report; isHeartbeat: boolean },
  now: number,
): HeldReport | null {
  const progress = report.progress && sanitizeProgress(report.progress);
  const isFirst = progress !== null && job.progress === null;
  const isOld = held.since !== null && now - held.since >= STORE_INTERVAL_MS;
  if (report.logs.length > 0 || isFirst || isOld || !isCurrent(job, held, now)) return null;
  const signed = { ...held, aliveAt: now, heartbeatAt: isHeartbeat ? now : held.heartbeatAt };
  if (progress === null || isSameProgress(progress, held.progress ?? job.progress)) return signed;
  return {
    ...signed,
    progress: { ...progress, at: now },
    since: held.since ?? now,
    number: held.number + 1,
  };
}

/** Whether the attempt runs, far from any deadline. */
function isCurrent(job: Job, held: HeldReport, now: number): boolean {
  const { phase, policy } = job;
  if (!("lease" in phase) || phase.lease !== held.lease) return false;
  return (
    phase.leaseEndsAt - now >= policy.leaseMs / 2 && nextDeadline(storeHeldReport(job, held).job).at > now
  );
}

/** What is held becomes part of the job, as far as the command does not say something newer. */
export function storeHeldReport(job: Job, held: HeldReport, command?: Command): Change {
  const { phase } = job;
  if (!("lease" in phase) || phase.lease !== held.lease) return noChange(job);
  const isNewer = command !== undefined && "report" in command && command.report.progress !== null;
  const { progress } = held;
  const said =
    progress && !isNewer
      ? applyReport(job, { progress, logs: [] }, progress.at)
      : createChange(job, held.aliveAt, []);
  const renewed: Executing = {
    ...phase,
    leaseEndsAt: Math.max(phase.leaseEndsAt, held.aliveAt + leaseDurationMs(job, true)),
    lastHeartbeatAt: Math.max(phase.lastHeartbeatAt, held.heartbeatAt ?? 0),
  };
  return { ...said, job: { ...said.job, phase: renewed } };
}

/** The job as a reader sees it: with the progress that is held. Its version is the stored one. */
export function withHeldProgress(job: Job, { progress }: HeldReport): Job {
  return progress ? { ...job, progress } : job;
}
