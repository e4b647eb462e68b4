/**
 * Publishes a job to its tenant's index. Every change is published at once, except accept and start, which are
 * usually superseded within 400 ms; the Worker that submits or runs the job publishes these later. Progress is published
 * every 30 seconds. An update may be lost; the next alarm confirms it.
 */

import { purgeAt, timesOf } from "../../core/facts.ts";
import { isFinished, type Job, type JobEvent } from "../../core/job.ts";
import { nextAlarmAt } from "../../core/timeouts.ts";
import type { Env } from "../../env.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import { partitionObject, partitionOf } from "../../rpc/job-index.ts";
import { toJobView, withoutLargeResult } from "../../rpc/views.ts";
import { jobLogFields } from "./effects.ts";

/** Progress alone is published at most this often: each update is a call, and a partition takes some hundred a second. */
const PROGRESS_INTERVAL_MS = 30_000;

/** Publishes the job of one object to the job index. */
export function openIndexPublisher(env: Env) {
  /** The version that was published last; an eviction resets it, and the job is published again. */
  let indexedVersion = 0;
  let sentAt = 0;

  /** Whether the index took the job. */
  async function send(job: Job, how: "publish" | "publishDurably"): Promise<boolean> {
    sentAt = now();
    const partition = partitionObject(env, job.tenant, partitionOf(job).name);
    const isStored = (await partition[how](job.tenant, toIndexEntry(job))) !== false;
    if (isStored) indexedVersion = Math.max(indexedVersion, job.version);
    return isStored;
  }

  async function publishOrThrow(job: Job): Promise<void> {
    if (indexedVersion < job.version) await send(job, "publish");
  }

  /** As `publishOrThrow`, but never rejects: the alarm confirms what failed. */
  const publish = (job: Job) =>
    publishOrThrow(job).catch((error) =>
      log("warn", "index_publish_failed", { ...jobLogFields(job), error }),
    );

  return {
    /** Publishes the job unless this version was published. Rejects if that fails. */
    publishOrThrow,
    publish,
    /** Publishes the job after these events, unless it is published soon anyway. */
    async publishChange(job: Job, events: readonly JobEvent[]): Promise<void> {
      const isTooSoon = isProgress(events) && now() < sentAt + PROGRESS_INTERVAL_MS;
      if (!isTooSoon && !isTransient(events)) await publish(job);
    },
    /** Whether the index has stored the job; false if its partition is full. */
    publishDurably: (job: Job) => send(job, "publishDurably"),
    /** Takes a job that is being deleted out of the list. */
    async markDeleted(job: Job): Promise<void> {
      const { tenant } = job;
      await partitionObject(env, tenant, partitionOf(job).name).markDeleted(tenant, toIndexEntry(job));
    },
    /** Resets the version, because a job made again under this id counts from 1. */
    reset(): void {
      indexedVersion = 0;
    },
  };
}

/** Whether these events are progress: the index need not have it, because more follows. */
export function isProgress(events: readonly JobEvent[]): boolean {
  return events.length > 0 && events.every(({ type }) => type === "job.progress" || type === "job.log");
}

/** Whether another caller publishes this change a little later, unless it is superseded by then. */
function isTransient(events: readonly JobEvent[]): boolean {
  return events.length > 0 && events.every(({ type }) => type === "job.queued" || type === "job.started");
}

/** The job as an index entry. */
export function toIndexEntry(job: Job): IndexEntry {
  return {
    job: withoutLargeResult(toJobView(job)),
    partition: partitionOf(job),
    createdAt: job.createdAt,
    finishedAt: "finishedAt" in job.phase ? job.phase.finishedAt : null,
    dueAt: isFinished(job) ? null : nextAlarmAt(job),
    purgeAt: purgeAt(job),
    ...timesOf(job),
  };
}
