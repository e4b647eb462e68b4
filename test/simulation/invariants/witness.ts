/**
 * Sees every commit of every object at the moment it becomes true, keeps what has been true, and holds each change
 * against all promises. What it knows is read from storage by the project's own store.
 */

import type { Job } from "../../../src/core/job.ts";
import type { System } from "../load.ts";
import type { Home } from "../platform/instance.ts";
import type { Call } from "../platform/process.ts";
import { entriesOf } from "../platform/storage.ts";
import { assertThat } from "./demand.ts";
import { type Change, jobInvariants, type Past } from "./job.ts";
import { checkAlarm, watchInvariants } from "./timers.ts";

const HAS_ENTRIES = "SELECT name FROM sqlite_schema WHERE name = 'entries'";
const HEARD_OF = "SELECT id FROM entries WHERE index_key = '' AND id = ? AND created_at = ?";

const changeInvariants = Object.entries({ ...jobInvariants, ...watchInvariants });

/** What has been true of one job id. A key that is used again after its job was removed begins a new life. */
export type JobHistory = {
  tenant: string;
  jobId: string;
  /** Lives begun so far. */
  generations: number;
  /** The job as it is stored; null if it was never made, or removed. */
  job: Job | null;
  /** When the last life was removed; null if none was. */
  deletedAt: number | null;
  /** When it last finished or was removed; null while it is unfinished. */
  closedAt: number | null;
  /** The places its jobs have held, by the names of their objects. */
  uniqueKeys: Set<string>;
};

type Entry = JobHistory & { row: unknown; past: Past };

export type Witness = ReturnType<typeof openWitness>;

/** How wrong clocks may be, the true time, and whom to tell of a broken promise. */
type WitnessOptions = {
  skewMs: number;
  now: () => number;
  reportViolation: (invariant: string, message: string) => void;
};

export function openWitness(system: System, { skewMs, now, reportViolation }: WitnessOptions) {
  const entries = new Map<string, Entry>();
  const owners = new Map<string, Set<string>>();
  const claimedAt = new Map<string, number>();

  /** Holds `act` to a promise; a record in which it cannot even be checked breaks it, too. */
  function hold(invariant: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      reportViolation(invariant, error instanceof Error ? error.message : String(error));
    }
  }

  function entryOf(name: string): Entry {
    let entry = entries.get(name);
    if (!entry) {
      const [tenant = "", jobId = ""] = name.split("/");
      const past = { claims: new Map(), rounds: new Map() };
      const history = {
        tenant,
        jobId,
        generations: 0,
        job: null,
        deletedAt: null,
        closedAt: null,
        uniqueKeys: new Set<string>(),
      };
      entry = { ...history, row: undefined, past };
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
      if (after && !before) onCreated(entry, after);
      else if (before && !after) onDeleted(entry, before, call);
      else if (before && after)
        onChanged(entry, { before, after, events: store.eventsAfter(before.lastSeq) }, call);
    }
    const { job } = entry;
    if (job && !home.alarm.isLost() && !home.alarm.isFiring())
      hold("whatever must happen has an alarm", () => checkAlarm(job, home.durable.alarm));
  }

  function onCreated(entry: Entry, job: Job): void {
    entry.generations += 1;
    entry.past = { claims: new Map(), rounds: new Map() };
    hold("a job begins queued, at version 1", () => {
      const { status } = job.phase;
      assertThat(
        status === "queued" && job.version === 1 && job.lastSeq === 1,
        `${status}, version ${job.version}`,
      );
    });
    trackUniqueKeys(entry, job);
  }

  function onChanged(
    entry: Entry,
    change: Pick<Change, "before" | "after" | "events">,
    call: Call | null,
  ): void {
    const whole: Change = { ...change, call, past: entry.past, now: now(), skewMs };
    for (const [invariant, check] of changeInvariants) hold(invariant, () => check(whole));
    trackUniqueKeys(entry, change.after);
  }

  function onDeleted(entry: Entry, job: Job, call: Call | null): void {
    entry.deletedAt = now();
    hold("a job is removed only when asked to, or when its time has come", () => {
      assertThat(system.isFinished(job), `a job was removed that was ${job.phase.status}`);
      const finishedAt = "finishedAt" in job.phase ? job.phase.finishedAt : Number.POSITIVE_INFINITY;
      const isDue = finishedAt + job.policy.retentionMs <= now() + 2 * skewMs;
      assertThat(call?.method === "delete" || isDue, `${call?.method} removed a job before its time`);
    });
    trackUniqueKeys(entry, null);
  }

  /** No two unfinished jobs of a tenant and type share a place. */
  function trackUniqueKeys(entry: Entry, job: Job | null): void {
    const isOpen = job !== null && !system.isFinished(job);
    if (isOpen) entry.closedAt = null;
    else entry.closedAt ??= now();
    for (const uniqueKey of (job ?? entry.job)?.uniqueKeys ?? []) {
      const { tenant, type } = (job ?? entry.job) as Job;
      const key = `${tenant}/${type}/${uniqueKey.name}`;
      entry.uniqueKeys.add(key);
      const ownerIds = owners.get(key) ?? new Set();
      owners.set(key, ownerIds);
      if (isOpen) ownerIds.add(entry.jobId);
      else ownerIds.delete(entry.jobId);
      hold("a unique key is never owned by two", () =>
        assertThat(ownerIds.size <= 1, `${key} is held by ${[...ownerIds].join(" and ")}`),
      );
    }
  }

  return {
    jobCommitted,
    /** A commit of a place's object: it has just been claimed, or freed. */
    uniqueKeyCommitted: ({ name }: Home): void => void claimedAt.set(name, now()),
    /** When a place was last claimed; true time. */
    claimedAt: (name: string): number => claimedAt.get(name) ?? 0,
    hold,

    /**
     * Whether another part would notice if this job's alarm were lost: its listing, once it has heard of the job, and
     * until the job has finished. Deliveries that wait longer are noticed only when a client reads the job.
     */
    isReconciled(name: string, indexOf: (tenant: string) => Home | undefined): boolean {
      const entry = entries.get(name);
      if (!entry?.job || entry.job.webhook || system.isFinished(entry.job)) return false;
      const { tenant, jobId, job } = entry;
      const index = indexOf(tenant)?.durable.sql;
      const isBegun = index !== null && index !== undefined && index.read(HAS_ENTRIES).length > 0;
      return isBegun && index.read(HEARD_OF, jobId, job.createdAt).length > 0;
    },

    /** A job as clients see it. */
    present: (job: Job) => system.toJobView(job),
    /** All that is known of the job of this name, `tenant/jobId`; null if there never was one. */
    find: (tenant: string, jobId: string): JobHistory | null => {
      const entry = entries.get(`${tenant}/${jobId}`);
      return entry && entry.generations > 0 ? entry : null;
    },
    all: (): JobHistory[] => [...entries.values()].filter(({ generations }) => generations > 0),
  };
}
