/**
 * How a job's object keeps its tenant's listing informed. Whatever changes is announced at once, but for two changes
 * that are mostly outdone in a moment: that a job was accepted, and that it was started. Those are announced when
 * whoever submitted or runs the job speaks up a little later. Announcements may be lost; the next alarm confirms.
 */

import { expiresAt, isFinished, type Job, type JobEvent } from "../core/job.ts";
import { nextWakeup } from "../core/wakeup.ts";
import type { Env } from "../env.ts";
import { log } from "../lib/log.ts";
import type { Entry } from "../listing/entry.ts";
import { listingObject } from "../listing/stub.ts";
import { logFieldsOf } from "./effects.ts";
import { presentJob, withoutLargeResult } from "./present.ts";

/** An alarm rings so soon after a change, whatever else is due, to see that the listing has heard of it. */
export const CONFIRM_MS = 60_000;

/** The voice of one job's object towards the listing. */
export function openAnnouncer(env: Env) {
  /** The version the listing was told last; forgotten with an eviction, and then told again. */
  let toldVersion = 0;

  async function tell(job: Job, how: "announce" | "confirm"): Promise<void> {
    await listingObject(env, job.tenant)[how](job.tenant, entryOf(job));
    toldVersion = Math.max(toldVersion, job.version);
  }

  async function insist(job: Job): Promise<void> {
    if (toldVersion < job.version) await tell(job, "announce");
  }

  return {
    /** Tells the listing, if this version was not told yet. Rejects if it cannot be told: then say it again. */
    insist,
    /** As `insist`, but never rejects: what fails is confirmed by the alarm. */
    announce: (job: Job) =>
      insist(job).catch((error) => log("warn", "announce_failed", { ...logFieldsOf(job), error })),
    /** Resolves when the listing has stored the job as it is. */
    confirm: (job: Job) => tell(job, "confirm"),
    /** Takes a job that is being deleted out of the list. */
    async hide(job: Job): Promise<void> {
      await listingObject(env, job.tenant).hide(job.tenant, entryOf(job));
    },
    /** A job made anew under this name begins to count anew. */
    forget(): void {
      toldVersion = 0;
    },
  };
}

/** Whether a change is one that somebody else announces a little later, if nothing has followed it by then. */
export function isSoonOutdone(events: readonly JobEvent[]): boolean {
  return events.length > 0 && events.every(({ type }) => type === "job.queued" || type === "job.started");
}

/** The job as the listing keeps it. */
export function entryOf(job: Job): Entry {
  const startedAt = job.attempts[0]?.startedAt ?? null;
  const finishedAt = "finishedAt" in job.phase ? job.phase.finishedAt : null;
  return {
    job: withoutLargeResult(presentJob(job)),
    createdAt: job.createdAt,
    finishedAt,
    dueAt: isFinished(job) ? null : nextWakeup(job),
    expiresAt: expiresAt(job),
    waitingMs: startedAt === null ? null : Math.max(0, startedAt - job.dueAt),
    runningMs: startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt),
  };
}
