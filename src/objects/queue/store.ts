/** What a queue's object stores: a record for each job in it, one for each rate, and one for what was set. */

import { Flow } from "../../core/flow.ts";
import type { QueueEntry, QueueLimits } from "../../core/queue.ts";
import type { Paused, QueueOverride, QueueRef } from "../../rpc/queue.ts";

/**
 * A job in the queue. "offered": it has a slot, and a remote worker may take it. `claim` names the request it was given
 * to, at `givenAt` (epoch milliseconds).
 */
export type QueuedJob = {
  entry: QueueEntry;
  state: "waiting" | "offered" | "running";
  claim: string | null;
  givenAt: number | null;
};

/** `at` is epoch milliseconds. */
type Woken = { at: number; count: number };

export type QueueConfig = {
  limits: Partial<QueueLimits>;
  override: QueueOverride | null;
  paused: Paused | null;
  version: number;
};

const CONFIG_RECORD = "config";
const REF_RECORD = "ref";
const WOKEN_RECORD = "woken";
const JOB_PREFIX = "job/";
const RATE_PREFIX = "rate/";

const noConfig: QueueConfig = { limits: {}, override: null, paused: null, version: 0 };

/** The records, and in memory the flow that they make. */
export class QueueStore {
  readonly #kv: DurableObjectStorage["kv"];
  readonly #jobs = new Map<string, QueuedJob>();
  readonly #offered = new Set<string>();
  readonly #byClaim = new Map<string, Set<string>>();
  readonly flow: Flow;
  #config: QueueConfig;

  constructor({ kv }: DurableObjectStorage) {
    this.#kv = kv;
    this.#config = kv.get<QueueConfig>(CONFIG_RECORD) ?? noConfig;
    const rates = [...kv.list<number>({ prefix: RATE_PREFIX })];
    this.flow = new Flow(rates.map(([name, dueAt]) => [name.slice(RATE_PREFIX.length), dueAt]));
    for (const [jobId, queued] of kv.list<QueuedJob>({ prefix: JOB_PREFIX }))
      this.#keep(jobId.slice(JOB_PREFIX.length), queued);
  }

  get config(): QueueConfig {
    return this.#config;
  }

  saveConfig(config: QueueConfig): void {
    this.#config = config;
    this.#kv.put(CONFIG_RECORD, config);
  }

  find(jobId: string): QueuedJob | null {
    return this.#jobs.get(jobId) ?? null;
  }

  /** Which queue this is; null before a job has entered. */
  get ref(): QueueRef | null {
    return this.#kv.get<QueueRef>(REF_RECORD) ?? null;
  }

  keepRef(ref: QueueRef): void {
    if (!this.ref) this.#kv.put(REF_RECORD, ref);
  }

  /** To be called when the storage was deleted. */
  reset(): void {
    for (const jobId of this.jobIds()) this.#forget(jobId);
    this.#config = noConfig;
  }

  /** The last call to a fleet, and how many there were since a worker asked; null for none. */
  get woken(): Woken | null {
    return this.#kv.get<Woken>(WOKEN_RECORD) ?? null;
  }

  saveWoken(woken: Woken | null): void {
    if (woken) this.#kv.put(WOKEN_RECORD, woken);
    else this.#kv.delete(WOKEN_RECORD);
  }

  isEmpty(): boolean {
    return this.#jobs.size === 0;
  }

  /** All jobs that wait or have a slot. */
  jobIds(): string[] {
    return [...this.#jobs.keys()];
  }

  /** The jobs that have a slot and no worker. */
  offered(): QueueEntry[] {
    return [...this.#offered].flatMap((jobId) => this.find(jobId)?.entry ?? []);
  }

  /** The jobs that this request was given before. */
  givenTo(claim: string): QueueEntry[] {
    return [...(this.#byClaim.get(claim) ?? [])].flatMap((jobId) => this.find(jobId)?.entry ?? []);
  }

  /** Puts a job into the queue in this state; another state of it ends. */
  put(queued: QueuedJob): void {
    const { jobId } = queued.entry;
    this.#forget(jobId);
    this.#keep(jobId, queued);
    this.#kv.put(JOB_PREFIX + jobId, queued);
  }

  /** Stores a job that the flow has started already, and the rates that the start changed. */
  putStarted(queued: QueuedJob, rates: readonly [string, number][]): void {
    const { jobId } = queued.entry;
    this.#enlist(jobId, queued);
    this.#kv.put(JOB_PREFIX + jobId, queued);
    for (const [name, dueAt] of rates) this.#kv.put(RATE_PREFIX + name, dueAt);
  }

  remove(jobId: string): void {
    this.#forget(jobId);
    this.#kv.delete(JOB_PREFIX + jobId);
  }

  /** Forgets rates that allow a start again: they say nothing any more. */
  dropRatesBefore(at: number): void {
    for (const [name, dueAt] of [...this.#kv.list<number>({ prefix: RATE_PREFIX, limit: 100 })])
      if (dueAt < at) this.#kv.delete(name);
  }

  #enlist(jobId: string, queued: QueuedJob): void {
    this.#jobs.set(jobId, queued);
    if (queued.state === "offered") this.#offered.add(jobId);
    if (queued.claim === null) return;
    const given = this.#byClaim.get(queued.claim) ?? new Set();
    this.#byClaim.set(queued.claim, given.add(jobId));
  }

  #keep(jobId: string, queued: QueuedJob): void {
    this.#enlist(jobId, queued);
    if (queued.state === "waiting") this.flow.wait(queued.entry);
    else this.flow.hold(queued.entry);
  }

  #forget(jobId: string): void {
    const known = this.#jobs.get(jobId);
    if (!known) return;
    this.flow.leave(known.entry);
    this.#jobs.delete(jobId);
    this.#offered.delete(jobId);
    const given = known.claim === null ? undefined : this.#byClaim.get(known.claim);
    given?.delete(jobId);
    if (known.claim !== null && given?.size === 0) this.#byClaim.delete(known.claim);
  }
}
