/**
 * How a job's object keeps its tenant's listing informed. Whatever changes is announced at once, but for two changes
 * that are mostly outdone in a moment: that a job was accepted, and that it was started. Those are announced when
 * whoever submitted or runs the job speaks up a little later. Announcements may be lost; the next alarm confirms.
 */

import { isFinished, type Job, type JobEvent, purgeAt } from "../../core/job.ts";
import { nextAlarmAt } from "../../core/timeouts.ts";
import type { Env } from "../../env.ts";
import { log } from "../../lib/log.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import { jobIndexObject } from "../../rpc/job-index.ts";
import { toJobView, withoutLargeResult } from "../../rpc/views.ts";
import { jobLogFields } from "./effects.ts";

/** An alarm rings so soon after a change, whatever else is due, to see that the listing has heard of it. */
export const INDEX_CONFIRM_MS = 60_000;

/** The voice of one job's object towards the listing. */
export function openIndexPublisher(env: Env) {
  /** The version the listing was told last; forgotten with an eviction, and then told again. */
  let indexedVersion = 0;

  async function send(job: Job, how: "publish" | "publishDurably"): Promise<void> {
    await jobIndexObject(env, job.tenant)[how](job.tenant, toIndexEntry(job));
    indexedVersion = Math.max(indexedVersion, job.version);
  }

  async function publishOrThrow(job: Job): Promise<void> {
    if (indexedVersion < job.version) await send(job, "publish");
  }

  return {
    /** Tells the listing, if this version was not told yet. Rejects if it cannot be told: then say it again. */
    publishOrThrow,
    /** As `insist`, but never rejects: what fails is confirmed by the alarm. */
    publish: (job: Job) =>
      publishOrThrow(job).catch((error) =>
        log("warn", "index_publish_failed", { ...jobLogFields(job), error }),
      ),
    /** Resolves when the listing has stored the job as it is. */
    publishDurably: (job: Job) => send(job, "publishDurably"),
    /** Takes a job that is being deleted out of the list. */
    async markDeleted(job: Job): Promise<void> {
      await jobIndexObject(env, job.tenant).markDeleted(job.tenant, toIndexEntry(job));
    },
    /** A job made anew under this name begins to count anew. */
    reset(): void {
      indexedVersion = 0;
    },
  };
}

/** Whether a change is one that somebody else announces a little later, if nothing has followed it by then. */
export function isTransient(events: readonly JobEvent[]): boolean {
  return events.length > 0 && events.every(({ type }) => type === "job.queued" || type === "job.started");
}

/** The job as the listing keeps it. */
export function toIndexEntry(job: Job): IndexEntry {
  const startedAt = job.attempts[0]?.startedAt ?? null;
  const finishedAt = "finishedAt" in job.phase ? job.phase.finishedAt : null;
  return {
    job: withoutLargeResult(toJobView(job)),
    createdAt: job.createdAt,
    finishedAt,
    dueAt: isFinished(job) ? null : nextAlarmAt(job),
    purgeAt: purgeAt(job),
    queueTimeMs: startedAt === null ? null : Math.max(0, startedAt - job.dueAt),
    runTimeMs: startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt),
  };
}
