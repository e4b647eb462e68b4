/**
 * How a queue gets its jobs going: it starts those that may start, calls workers for those that they must claim, and asks
 * jobs that have a slot whether they still need it. Each turn is bounded; the alarm goes on.
 */

import type { FlowRules, QueueEntry } from "../../core/queue.ts";
import { HOUR, MINUTE, SECOND } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import type { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import { jobObject } from "../../rpc/job.ts";
import type { QueueRef } from "../../rpc/queue.ts";
import { jobQueueBinding } from "../../transport/queues.ts";
import { rulesAt } from "./change.ts";
import type { QueueStore } from "./store.ts";
import type { Waiters } from "./waiters.ts";

const STARTS_PER_TURN = 100;

/**
 * How many jobs are asked at a time where they stand, and how soon again: while jobs wait for slots, those that have one;
 * else now and then all, so that nothing is kept of a job that is gone.
 */
const ASKED_PER_TURN = 20;
const ASK_FIRST_MS = 30 * SECOND;
const ASK_LATEST_MS = 5 * MINUTE;
const ASK_ALL_MS = HOUR;

const WAKE_FIRST_MS = 30 * SECOND;
const WAKE_LATEST_MS = 15 * MINUTE;

/** A worker that was called claims within this time, or another one is called. */
const CLAIM_WITHIN_MS = 2 * SECOND;

type DispatcherDependencies = {
  store: QueueStore;
  waiters: Waiters;
  alarm: ReturnType<typeof openAlarm>;
};

export class Dispatcher {
  readonly #ctx: DurableObjectState;
  readonly #env: Env;
  readonly #store: QueueStore;
  readonly #waiters: Waiters;
  readonly #alarm: ReturnType<typeof openAlarm>;
  /** When jobs are asked next, and since when that is because the queue is full. */
  #askAt: number | null = null;
  #askDelayMs = ASK_FIRST_MS;
  #wasFull = false;
  #asked = 0;
  /** When jobs were started in the last minute. */
  #starts: number[] = [];

  constructor(ctx: DurableObjectState, env: Env, { store, waiters, alarm }: DispatcherDependencies) {
    this.#ctx = ctx;
    this.#env = env;
    this.#store = store;
    this.#waiters = waiters;
    this.#alarm = alarm;
  }

  rules(ref: QueueRef): FlowRules {
    return rulesAt(ref, this.#store.config, now());
  }

  /** How long one place in the backlog takes to become free, in seconds: as in the last minute. */
  secondsPerStart(): number {
    this.#starts = this.#starts.filter((at) => at > now() - MINUTE);
    return this.#starts.length === 0 ? 60 : Math.ceil(60 / this.#starts.length);
  }

  /** Whether a job that has just come may start, and none that waits would be overtaken. */
  mayStart(rules: FlowRules, entry: QueueEntry): boolean {
    const { flow } = this.#store;
    if (entry.isRemote || rules.isPaused || flow.blockedBy(rules, entry, now())) return false;
    return flow.next(rules, now(), ({ isRemote }) => !isRemote) === null;
  }

  /** Gives the job a slot, and notes the request that claimed it. */
  start(rules: FlowRules, entry: QueueEntry, claim: string | null): void {
    const rates = this.#store.flow.start(rules, entry, now());
    this.#store.putStarted({ entry, state: "running", claim, givenAt: now() }, rates);
    this.#starts.push(now());
  }

  /** The job that a worker of this tenant and these types may take now: one that has its slot first. */
  claimable(
    ref: QueueRef,
    { tenant, types }: { tenant: string; types: readonly string[] },
    isLeft: (entry: QueueEntry) => boolean = () => true,
  ): QueueEntry | null {
    const isWanted = (entry: QueueEntry) =>
      entry.isRemote && entry.tenant === tenant && types.includes(entry.type) && isLeft(entry);
    const rules = this.rules(ref);
    if (rules.isPaused) return null;
    return this.#store.offered().find(isWanted) ?? this.#store.flow.next(rules, now(), isWanted);
  }

  /** Starts what may start, calls workers, and sets the alarm. */
  pump(ref: QueueRef): void {
    const rules = this.rules(ref);
    let started = 0;
    for (; started < STARTS_PER_TURN; started += 1) {
      const next = this.#store.flow.next(rules, now(), ({ isRemote }) => !isRemote);
      if (!next) break;
      this.start(rules, next, null);
      this.#ctx.waitUntil(this.#send(next));
    }
    const hasCalled = this.callWorkers(ref);
    const wakeAt = hasCalled ? null : this.#wake(ref, rules);
    this.#setAlarm(rules, { hasCalled, wakeAt, isCutShort: started === STARTS_PER_TURN });
  }

  /** Tells as many waiting workers as there are jobs for them to claim; whether there were any. */
  callWorkers(ref: QueueRef): boolean {
    const promised = new Set<string>();
    for (const { poll, call } of this.#waiters.waiting()) {
      const next = this.claimable(ref, poll, ({ jobId }) => !promised.has(jobId));
      if (!next) continue;
      promised.add(next.jobId);
      call();
    }
    return promised.size > 0;
  }

  /** Asks some of the jobs where they stand, if it is time. After a restart it is. */
  async askJobs(ref: QueueRef): Promise<void> {
    if (this.#askAt !== null && this.#askAt > now()) return;
    const { flow } = this.#store;
    const jobIds = flow.isFull(this.rules(ref), now())
      ? flow.running().map(({ jobId }) => jobId)
      : this.#store.jobIds();
    const start = this.#asked >= jobIds.length ? 0 : this.#asked;
    const asked = jobIds.slice(start, start + ASKED_PER_TURN);
    this.#asked = start + asked.length;
    const answers = await Promise.all(asked.map((jobId) => this.verify(jobId)));
    this.#askDelayMs = answers.includes(true) ? ASK_FIRST_MS : Math.min(this.#askDelayMs * 2, ASK_LATEST_MS);
    this.#askAt = null;
  }

  /** Asks a job where it stands, and keeps that; whether it is something new. */
  async verify(jobId: string): Promise<boolean> {
    const asked = this.#store.find(jobId);
    if (!asked) return false;
    const status = await jobObject(this.#env, asked.entry.tenant, jobId)
      .queueStatus()
      .catch((error: unknown) => {
        log("warn", "queue_check_failed", { job_id: jobId, tenant: asked.entry.tenant, error });
        return null;
      });
    if (status === null || this.#store.find(jobId) !== asked) return false;
    if (status.kind === "out") {
      this.#store.remove(jobId);
      return true;
    }
    const { kind, attempt, continuation } = status;
    const isLater = attempt > asked.entry.attempt;
    const isOffered = asked.state === "running" && asked.entry.isRemote && !isLater;
    if (kind === "runs" || !(isLater || isOffered)) return false;
    const entry = { ...asked.entry, attempt, continuation };
    this.#store.put({ entry, state: isOffered ? "offered" : "waiting", claim: null, givenAt: null });
    return true;
  }

  async #send({ tenant, jobId, attempt, continuation, attemptTimeoutMs }: QueueEntry): Promise<void> {
    const binding = jobQueueBinding({ tenant, policy: { attemptTimeoutMs } });
    await this.#env[binding]
      .send({ tenant, jobId, attempt, continuation })
      .catch((error) => log("warn", "dispatch_failed", { job_id: jobId, tenant, attempt, error }));
  }

  /**
   * Calls the fleet of a job that may start and for which no worker waits: at most every 30 s, and less often the longer
   * none comes. Returns when it is called next; null if no job needs it.
   */
  #wake(ref: QueueRef, rules: FlowRules): number | null {
    const needs = ({ isRemote, wakeUrl }: QueueEntry) => isRemote && wakeUrl != null;
    const next = rules.isPaused
      ? null
      : (this.#store.offered().find(needs) ?? this.#store.flow.next(rules, now(), needs));
    if (!next?.wakeUrl) return null;
    const { at, count } = this.#store.woken ?? { at: 0, count: 0 };
    const dueAt = at + Math.min(WAKE_FIRST_MS * 2 ** Math.max(0, count - 1), WAKE_LATEST_MS);
    if (dueAt > now()) return dueAt;
    this.#store.saveWoken({ at: now(), count: count + 1 });
    const { waiting } = this.#store.flow.counts(next.tenant);
    const message = { tenant: next.tenant, queue: ref.name, types: [next.type], waiting, url: next.wakeUrl };
    const failed = (error: unknown) =>
      log("warn", "wake_failed", { tenant: next.tenant, queue: ref.name, error });
    this.#ctx.waitUntil(this.#env.DELIVERY_QUEUE.send(message).catch(failed));
    return now() + Math.min(WAKE_FIRST_MS * 2 ** count, WAKE_LATEST_MS);
  }

  #setAlarm(
    rules: FlowRules,
    { hasCalled, wakeAt, isCutShort }: { hasCalled: boolean; wakeAt: number | null; isCutShort: boolean },
  ): void {
    const { flow, config } = this.#store;
    const isFull = flow.isFull(rules, now());
    if (!isFull) this.#askDelayMs = ASK_FIRST_MS;
    if (isFull !== this.#wasFull) this.#askAt = null;
    this.#wasFull = isFull;
    const askAt = this.#askAt ?? now() + (isFull ? this.#askDelayMs : ASK_ALL_MS);
    this.#askAt = this.#store.isEmpty() ? null : askAt;
    const times = [
      this.#askAt,
      flow.nextStartAt(rules, now()),
      config.override && config.override.expiresAt > now() ? config.override.expiresAt : null,
      hasCalled ? now() + CLAIM_WITHIN_MS : null,
      wakeAt,
      isCutShort ? now() + 1 : null,
    ].filter((at) => at !== null);
    if (times.length > 0) this.#alarm.fireBy(Math.min(...times));
  }
}
