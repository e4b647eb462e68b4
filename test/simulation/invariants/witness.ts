/**
 * Sees every commit of every object at the moment it becomes true, keeps what has been true, and holds each change
 * against all promises. What it knows is read from storage by the project's own store.
 */

import type { Job } from "../../../src/core/job.ts";
import { narrowLimits } from "../job-types.ts";
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

/** What has been true of one job. */
export type JobHistory = {
  tenant: string;
  jobId: string;
  /** The job as it is stored; null if it was removed. */
  job: Job | null;
  /** When it was removed; null if it was not. */
  deletedAt: number | null;
  /** When it last finished or was removed; null while it is unfinished. */
  closedAt: number | null;
  /** Whether a client began to delete it. If the deletion then failed, its files may be gone before it is. */
  isDeletionAsked: boolean;
  /** The places its jobs have held, by the names of their objects. */
  uniqueKeys: Set<string>;
};

type Entry = JobHistory & { past: Past };

/** What an object holds now: its row as it was seen last, and the history of the job in it. */
type Held = { row: unknown; entry: Entry | null };

export type Witness = ReturnType<typeof openWitness>;

/** How wrong clocks may be, the true time, and whom to tell of a broken promise. */
type WitnessOptions = {
  skewMs: number;
  now: () => number;
  reportViolation: (invariant: string, message: string) => void;
};

/** The call without the name of its job, which comes first in all but these. */
function withoutRef({ method, args }: Call): Call {
  const isNamed = ![
    "submit",
    "fetch",
    "alarm",
    "webSocketClose",
    "webSocketError",
    "webSocketMessage",
  ].includes(method);
  return { method, args: isNamed ? args.slice(1) : args };
}

export function openWitness(system: System, { skewMs, now, reportViolation }: WitnessOptions) {
  const entries = new Map<string, Entry>();
  const held = new Map<string, Held>();
  const owners = new Map<string, Set<string>>();
  const claimedAt = new Map<string, number>();
  const executing = new Map<string, { name: string; key: string | null }>();

  /** Holds `act` to a promise; a record in which it cannot even be checked breaks it, too. */
  function hold(invariant: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      reportViolation(invariant, error instanceof Error ? error.message : String(error));
    }
  }

  /** Begins the history of a job. No id ever names two. */
  function beginEntry(job: Job): Entry {
    const { tenant, id: jobId } = job;
    const name = `${tenant}/${jobId}`;
    hold("an id names one job for ever", () => assertThat(!entries.has(name), `${jobId} names another job`));
    const past = { claims: new Map(), rounds: new Map() };
    const history = {
      tenant,
      jobId,
      job,
      deletedAt: null,
      closedAt: null,
      isDeletionAsked: false,
      uniqueKeys: new Set<string>(),
    };
    const entry = { ...history, past };
    entries.set(name, entry);
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
  function jobCommitted(home: Home, received: Call | null): void {
    const call = received && withoutRef(received);
    const object = held.get(home.name) ?? { row: undefined, entry: null };
    held.set(home.name, object);
    const row = home.durable.kv.get("job");
    if (row !== object.row) {
      object.row = row;
      object.entry = observe(object.entry, storeOf(home), call);
    }
    const job = object.entry?.job;
    if (job && !home.alarm.isLost() && !home.alarm.isFiring())
      hold("whatever must happen has an alarm", () => checkAlarm(job, home.durable.alarm));
  }

  /** Holds what an object stores now against what it stored before; returns the history of the job in it. */
  function observe(entry: Entry | null, store: ReturnType<typeof storeOf>, call: Call | null): Entry | null {
    const [before, after] = [entry?.job ?? null, store.load()];
    if (!after) {
      if (entry && before) onDeleted(Object.assign(entry, { job: null }), before, call);
      return null;
    }
    if (!entry || !before) return onCreated(beginEntry(after), after);
    entry.job = after;
    onChanged(entry, { before, after, events: store.eventsAfter(before.lastSeq) }, call);
    return entry;
  }

  function onCreated(entry: Entry, job: Job): Entry {
    hold("a job begins queued, at version 1", () => {
      const { status } = job.phase;
      assertThat(
        status === "queued" && job.version === 1 && job.lastSeq === 1,
        `${status}, version ${job.version}`,
      );
    });
    trackUniqueKeys(entry, job);
    return entry;
  }

  function onChanged(
    entry: Entry,
    change: Pick<Change, "before" | "after" | "events">,
    call: Call | null,
  ): void {
    const whole: Change = { ...change, call, past: entry.past, now: now(), skewMs };
    for (const [invariant, check] of changeInvariants) hold(invariant, () => check(whole));
    trackUniqueKeys(entry, change.after);
    trackSlots(entry, change.after);
  }

  /** By the jobs' own word: no more of them execute than their queue allows, in all and of one key. */
  function trackSlots({ jobId }: Entry, job: Job): void {
    if (!job.queue) return;
    const { name, key } = job.queue;
    const { concurrency, concurrencyPerKey } = narrowLimits;
    if ("lease" in job.phase)
      executing.set(jobId, { name, key: key === null ? null : `${job.tenant}/${key}` });
    else executing.delete(jobId);
    const running = [...executing.values()].filter((other) => other.name === name);
    const ofKey = running.filter((other) => key !== null && other.key === `${job.tenant}/${key}`);
    hold("a queue's limits are never exceeded", () => {
      assertThat(running.length <= concurrency, `${running.length} jobs execute of ${concurrency}`);
      assertThat(ofKey.length <= concurrencyPerKey, `${ofKey.length} jobs of a key execute`);
    });
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
    isReconciled(name: string, indexOf: (partition: string) => Home | undefined): boolean {
      const entry = held.get(name)?.entry;
      if (!entry?.job || entry.job.webhook || system.isFinished(entry.job)) return false;
      const { tenant, jobId, job } = entry;
      const index = indexOf(`${tenant}/${system.partitionOf(job).name}`)?.durable.sql;
      const isBegun = index !== null && index !== undefined && index.read(HAS_ENTRIES).length > 0;
      return isBegun && index.read(HEARD_OF, jobId, job.createdAt).length > 0;
    },

    /** A client asks to delete a job. */
    deletionAsked(tenant: string, jobId: string): void {
      const entry = entries.get(`${tenant}/${jobId}`);
      if (entry) entry.isDeletionAsked = true;
    },
    /** A job as clients see it. */
    present: (job: Job) => system.toJobView(job),
    /** All that is known of the job of this name, `tenant/jobId`; null if there never was one. */
    find: (tenant: string, jobId: string): JobHistory | null => entries.get(`${tenant}/${jobId}`) ?? null,
    all: (): JobHistory[] => [...entries.values()],
  };
}
