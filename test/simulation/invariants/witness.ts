/**
 * Sees every commit of every object at the moment it becomes true, keeps what has been true, and holds each change
 * against all promises. What it knows is read from storage by the project's own store.
 */

import type { Job } from "../../../src/core/job.ts";
import type { System } from "../load.ts";
import type { Home } from "../platform/life.ts";
import type { Call } from "../platform/process.ts";
import { entriesOf } from "../platform/storage.ts";
import { type Change, jobInvariants, type Past } from "./job.ts";
import { demand, Violation } from "./violation.ts";
import { checkAlarm, watchInvariants } from "./watch.ts";

const changeInvariants = Object.entries({ ...jobInvariants, ...watchInvariants });

/** What has been true of one job id. A key that is used again after its job was removed begins a new life. */
export type Biography = {
  tenant: string;
  jobId: string;
  /** Lives begun so far. */
  lives: number;
  /** The job as it is stored; null if it was never made, or removed. */
  job: Job | null;
  /** When the last life was removed; null if none was. */
  removedAt: number | null;
  /** When it last finished or was removed; null while it is unfinished. */
  closedAt: number | null;
};

type Entry = Biography & { row: unknown; past: Past };

export type Witness = ReturnType<typeof openWitness>;

/** How wrong clocks may be, the true time, and whom to tell of a broken promise. */
type Court = { skewMs: number; now: () => number; accuse: (promise: string, violation: Violation) => void };

export function openWitness(system: System, { skewMs, now, accuse }: Court) {
  const entries = new Map<string, Entry>();
  const inPlaces = new Map<string, Set<string>>();

  /** Holds `act` to a promise; what it throws otherwise is a fault of the simulation itself. */
  function hold(promise: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      accuse(promise, error);
    }
  }

  function entryOf(name: string): Entry {
    let entry = entries.get(name);
    if (!entry) {
      const [tenant = "", jobId = ""] = name.split("/");
      const past = { claims: new Map(), rounds: new Map() };
      entry = { tenant, jobId, lives: 0, job: null, removedAt: null, closedAt: null, row: undefined, past };
      entries.set(name, entry);
    }
    return entry;
  }

  function storeOf(home: Home) {
    const kv = {
      get: (key: string) => home.durable.kv.get(key),
      list: (options: object) => entriesOf(home.durable.kv, options),
    };
    return system.openJobStore({ kv } as unknown as DurableObjectStorage);
  }

  /** A commit of a job's object. */
  function jobCommitted(home: Home, call: Call | null): void {
    const entry = entryOf(home.name);
    const row = home.durable.kv.get("job");
    if (row !== entry.row) {
      entry.row = row;
      const store = storeOf(home);
      const [before, after] = [entry.job, store.load()];
      entry.job = after;
      if (after && !before) begun(entry, after);
      else if (before && !after) removed(entry, before, call);
      else if (before && after)
        changed(entry, { before, after, events: store.eventsAfter(before.lastSeq) }, call);
    }
    const { job } = entry;
    if (job && !home.alarm.isLost() && !home.alarm.isRinging())
      hold("whatever must happen has an alarm", () => checkAlarm(job, home.durable.alarm));
  }

  function begun(entry: Entry, job: Job): void {
    entry.lives += 1;
    entry.past = { claims: new Map(), rounds: new Map() };
    hold("a job begins queued, at version 1", () => {
      const { status } = job.phase;
      demand(
        status === "queued" && job.version === 1 && job.lastSeq === 1,
        `${status}, version ${job.version}`,
      );
    });
    occupy(entry, job);
  }

  function changed(
    entry: Entry,
    change: Pick<Change, "before" | "after" | "events">,
    call: Call | null,
  ): void {
    const whole: Change = { ...change, call, past: entry.past, now: now(), skewMs };
    for (const [promise, check] of changeInvariants) hold(promise, () => check(whole));
    occupy(entry, change.after);
  }

  function removed(entry: Entry, job: Job, call: Call | null): void {
    entry.removedAt = now();
    hold("a job is removed only when asked to, or when its time has come", () => {
      demand(system.isFinished(job), `a job was removed that was ${job.phase.status}`);
      const finishedAt = "finishedAt" in job.phase ? job.phase.finishedAt : Number.POSITIVE_INFINITY;
      const isDue = finishedAt + job.policy.retentionMs <= now() + 2 * skewMs;
      demand(call?.method === "remove" || isDue, `${call?.method} removed a job before its time`);
    });
    occupy(entry, null);
  }

  /** No two unfinished jobs of a tenant and type share a place. */
  function occupy(entry: Entry, job: Job | null): void {
    const isOpen = job !== null && !system.isFinished(job);
    if (isOpen) entry.closedAt = null;
    else entry.closedAt ??= now();
    for (const place of (job ?? entry.job)?.places ?? []) {
      const { tenant, type } = (job ?? entry.job) as Job;
      const key = `${tenant}/${type}/${place.name}`;
      const holders = inPlaces.get(key) ?? new Set();
      inPlaces.set(key, holders);
      if (isOpen) holders.add(entry.jobId);
      else holders.delete(entry.jobId);
      hold("a place is never held by two", () =>
        demand(holders.size <= 1, `${key} is held by ${[...holders].join(" and ")}`),
      );
    }
  }

  return {
    jobCommitted,
    hold,
    /** A job as clients see it. */
    present: (job: Job) => system.presentJob(job),
    /** All that is known of the job of this name, `tenant/jobId`; null if there never was one. */
    find: (tenant: string, jobId: string): Biography | null => {
      const entry = entries.get(`${tenant}/${jobId}`);
      return entry && entry.lives > 0 ? entry : null;
    },
    all: (): Biography[] => [...entries.values()].filter(({ lives }) => lives > 0),
  };
}
