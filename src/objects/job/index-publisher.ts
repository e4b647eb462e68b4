/**
 * Publishes a job to its tenant's index. Every change is published at once, except accept and start, which are
 * usually superseded within 400 ms; the Worker that submits or runs the job publishes these later. An update may be
 * lost; the next alarm confirms it.
 */

import { isFinished, type Job, type JobEvent, purgeAt, timesOf } from "../../core/job.ts";
import { nextAlarmAt } from "../../core/timeouts.ts";
import type { Env } from "../../env.ts";
import { log } from "../../lib/log.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import { jobIndexObject } from "../../rpc/job-index.ts";
import { toJobView, withoutLargeResult } from "../../rpc/views.ts";
import { jobLogFields } from "./effects.ts";

/** After a change, an alarm confirms the index entry within this time. */
export const INDEX_CONFIRM_MS = 60_000;

/** Publishes the job of one object to the job index. */
export function openIndexPublisher(env: Env) {
  /** The version that was published last; an eviction resets it, and the job is published again. */
  let indexedVersion = 0;

  async function send(job: Job, how: "publish" | "publishDurably"): Promise<void> {
    await jobIndexObject(env, job.tenant)[how](job.tenant, toIndexEntry(job));
    indexedVersion = Math.max(indexedVersion, job.version);
  }

  async function publishOrThrow(job: Job): Promise<void> {
    if (indexedVersion < job.version) await send(job, "publish");
  }

  return {
    /** Publishes the job unless this version was published. Rejects if that fails. */
    publishOrThrow,
    /** As `publishOrThrow`, but never rejects: the alarm confirms what failed. */
    publish: (job: Job) =>
      publishOrThrow(job).catch((error) =>
        log("warn", "index_publish_failed", { ...jobLogFields(job), error }),
      ),
    /** Resolves when the index has stored the job. */
    publishDurably: (job: Job) => send(job, "publishDurably"),
    /** Takes a job that is being deleted out of the list. */
    async markDeleted(job: Job): Promise<void> {
      await jobIndexObject(env, job.tenant).markDeleted(job.tenant, toIndexEntry(job));
    },
    /** Resets the version, because a job made again under this id counts from 1. */
    reset(): void {
      indexedVersion = 0;
    },
  };
}

/** Whether another caller publishes this change a little later, unless it is superseded by then. */
export function isTransient(events: readonly JobEvent[]): boolean {
  return events.length > 0 && events.every(({ type }) => type === "job.queued" || type === "job.started");
}

/** The job as an index entry. */
export function toIndexEntry(job: Job): IndexEntry {
  return {
    job: withoutLargeResult(toJobView(job)),
    createdAt: job.createdAt,
    finishedAt: "finishedAt" in job.phase ? job.phase.finishedAt : null,
    dueAt: isFinished(job) ? null : nextAlarmAt(job),
    purgeAt: purgeAt(job),
    ...timesOf(job),
  };
}
