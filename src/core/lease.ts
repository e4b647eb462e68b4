/**
 * What the holder of a lease may do while it runs, and that nobody else may. A lease is renewed, shortened or
 * checked here; no status changes.
 */

import type { Command, Decision, Executing, Job, Refusal } from "./job.ts";
import { absorb } from "./report.ts";
import { answered, type Step, step, unchanged } from "./step.ts";

/** The lease is renewed once half of it is used: seldom enough to be cheap, early enough for a few more tries. */
const RENEW_BELOW = 1 / 2;

/** A living worker whose line broke renews at once; this leaves it time for a few tries. */
const SUSPECT_MS = 5_000;

/** The command is refused and changes nothing. */
export function refused(job: Job, why: Refusal): Decision {
  return answered({ ok: false, why }, unchanged(job));
}

/** Lets only the holder of the current lease go on. */
export function holding<C extends { lease: string }>(
  job: Job,
  command: C,
  now: number,
  next: (job: Job, phase: Executing, command: C, now: number) => Step,
): Decision {
  const { phase } = job;
  if ("lease" in phase && phase.lease === command.lease) {
    return answered({ ok: true }, next(job, phase, command, now));
  }
  return refused(job, refusalOf(job, command.lease) ?? "stale");
}

/** Why the attempt with this lease no longer counts: its job was cancelled, or it is not the one; null while it does. */
export function refusalOf({ phase }: Job, lease: string): "cancelled" | "stale" | null {
  if ("lease" in phase && phase.lease === lease) return null;
  return phase.status === "cancelled" && phase.cancellation.stopping === lease ? "cancelled" : "stale";
}

/** The worker's line broke: unless it renews its lease soon, it is taken for lost. */
export function suspect(job: Job, phase: Executing, _: unknown, now: number): Step {
  const leaseEndsAt = Math.min(phase.leaseEndsAt, now + SUSPECT_MS);
  return step({ ...job, phase: { ...phase, leaseEndsAt } }, now, []);
}

/** A report or a checkpoint: kept, and taken as a renewal of the lease. */
export function alongTheWay(
  job: Job,
  phase: Executing,
  command: Extract<Command, { type: "report" | "save_checkpoint" }>,
  now: number,
): Step {
  const { leaseMs, silenceLimitMs } = job.policy;
  const said =
    command.type === "report"
      ? absorb(job, command.report, now, false)
      : step({ ...job, checkpoint: command.checkpoint }, now, []);
  const alive = command.type === "save_checkpoint" || command.alive;
  const renewDue = phase.leaseEndsAt - now < leaseMs * RENEW_BELOW;
  const signDue = alive && silenceLimitMs !== null && now - phase.heardAt > silenceLimitMs / 4;
  if (said.job === job && !renewDue && !signDue) return said;
  const renewed = { ...phase, leaseEndsAt: now + leaseMs, heardAt: alive ? now : phase.heardAt };
  return { ...said, job: { ...said.job, phase: renewed } };
}
