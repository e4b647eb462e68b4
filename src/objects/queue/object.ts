/**
 * A queue: which of its jobs start, and when. It judges every limit in one thread. It is not the truth about a job: the
 * job enters again by its own alarm, and the queue asks those that have slots whether they still need them. So nothing
 * that is lost between the two loses a job or a slot.
 */

import { DurableObject } from "cloudflare:workers";
import type { QueueEntry } from "../../core/queue.ts";
import { MINUTE, SECOND } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import type {
  ClaimAnswer,
  ClaimRequest,
  EnterAnswer,
  QueueChange,
  QueueObjectCalls,
  QueueRef,
  QueueState,
  Waiting,
} from "../../rpc/queue.ts";
import { applyChange, plainLimits } from "./change.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type QueuedJob, QueueStore } from "./store.ts";
import { Waiters } from "./waiters.ts";

/** A worker that was given a job starts it within this time, or the job is offered to others. */
const START_WITHIN_MS = 30 * SECOND;

export class QueueObject extends DurableObject<Env> implements QueueObjectCalls {
  readonly #store = new QueueStore(this.ctx.storage);
  readonly #waiters = new Waiters(this.ctx);
  readonly #alarm = openAlarm(this.ctx);
  readonly #dispatcher = new Dispatcher(this.ctx, this.env, {
    store: this.#store,
    waiters: this.#waiters,
    alarm: this.#alarm,
  });

  async enter(ref: QueueRef, entry: QueueEntry, isSubmission: boolean): Promise<EnterAnswer> {
    const known = this.#store.find(entry.jobId);
    if (known && known.entry.attempt >= entry.attempt) return this.#enterAgain(ref, known, entry);
    const rules = this.#dispatcher.rules(ref);
    const full = isSubmission ? this.#store.flow.fullBacklog(rules, entry.tenant) : null;
    if (full) {
      const retryAfterSeconds = this.#dispatcher.secondsPerStart();
      return { kind: "full", queue: ref.name, ...full, retryAfterSeconds };
    }
    this.#store.keepRef(ref);
    if (known) this.#store.remove(entry.jobId);
    if (this.#dispatcher.mayStart(rules, entry)) {
      this.#dispatcher.start(rules, entry, null);
      this.#dispatcher.pump(ref);
      return { kind: "granted" };
    }
    this.#store.put({ entry, state: "waiting", claim: null, givenAt: null });
    this.#dispatcher.pump(ref);
    return { kind: "waiting", waiting: this.#waitingOf(ref, entry.jobId) };
  }

  async leave(ref: QueueRef, jobId: string, attempt: number): Promise<void> {
    const known = this.#store.find(jobId);
    if (!known || known.entry.attempt > attempt) return;
    this.#store.remove(jobId);
    this.#dispatcher.pump(ref);
  }

  async waiting(ref: QueueRef, jobId: string): Promise<Waiting | null> {
    return this.#waitingOf(ref, jobId);
  }

  async claim(ref: QueueRef, request: ClaimRequest): Promise<ClaimAnswer> {
    this.#waiters.note(request);
    if (this.#store.woken) this.#store.saveWoken(null);
    const before = this.#store.givenTo(request.claim);
    if (before.length > 0) return { entries: before, isRepeated: true };
    const given: QueueEntry[] = [];
    while (given.length < request.jobsMax) {
      const next = this.#dispatcher.claimable(ref, request);
      if (!next) break;
      const { jobId } = next;
      const isOffered = this.#store.find(jobId)?.state === "offered";
      const queued: QueuedJob = { entry: next, state: "running", claim: request.claim, givenAt: now() };
      if (isOffered) this.#store.put(queued);
      else this.#dispatcher.start(this.#dispatcher.rules(ref), next, request.claim);
      given.push(next);
    }
    if (given.length > 0) this.#dispatcher.pump(ref);
    return { entries: given, isRepeated: false };
  }

  async verify(ref: QueueRef, jobId: string): Promise<void> {
    if (await this.#dispatcher.verify(jobId)) this.#dispatcher.pump(ref);
  }

  async read(ref: QueueRef, tenant: string | null): Promise<QueueState> {
    const { override, paused, version } = this.#store.config;
    return {
      limits: plainLimits(ref, this.#store.config),
      override: override && override.expiresAt > now() ? override : null,
      paused,
      ...this.#store.flow.counts(tenant),
      workers: this.#waiters.workers(tenant),
      version,
    };
  }

  async change(ref: QueueRef, change: QueueChange, ifVersion: number[] | null): Promise<QueueState | null> {
    const { config } = this.#store;
    if (ifVersion !== null && !ifVersion.includes(config.version)) return null;
    const changed = applyChange(config, change, now());
    if (changed !== config) this.#store.saveConfig({ ...changed, version: config.version + 1 });
    this.#dispatcher.pump(ref);
    return this.read(ref, ref.tenant);
  }

  async reset(ref: QueueRef): Promise<void> {
    const { version } = this.#store.config;
    this.#store.saveConfig({ limits: {}, override: null, paused: null, version: version + 1 });
    this.#dispatcher.pump(ref);
  }

  async erase(): Promise<void> {
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#alarm.clear();
      await this.ctx.storage.deleteAll();
      this.#store.reset();
    });
  }

  /** `/wait`: a worker waits until the queue sends "claim". */
  override async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const text = (name: string) => searchParams.get(name) ?? "";
    const worker = { name: text("worker"), version: searchParams.get("version") };
    const tenant = text("tenant");
    const answer = this.#waiters.add({ tenant, types: searchParams.getAll("type"), worker });
    this.#dispatcher.callWorkers({ tenant, name: text("queue") });
    return answer;
  }

  /** Workers that wait say nothing. */
  override async webSocketMessage(): Promise<void> {
    return;
  }

  /** Never throws: an alarm that fails six times is lost. What it would have started enters again by its own alarm. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    const { ref } = this.#store;
    if (!ref) return;
    try {
      this.#store.dropRatesBefore(now());
      await this.#dispatcher.askJobs(ref);
      this.#dispatcher.pump(ref);
    } catch (error) {
      log("error", "alarm_failed", { object: this.ctx.id.toString(), error });
      this.#alarm.fireBy(now() + MINUTE);
    }
  }

  #waitingOf(ref: QueueRef, jobId: string): Waiting | null {
    const queued = this.#store.find(jobId);
    if (!queued || queued.state === "running") return null;
    const { entry, state } = queued;
    const { flow } = this.#store;
    const known = { position: flow.countBefore(entry) + 1, enteredAt: entry.enteredAt };
    const rules = this.#dispatcher.rules(ref);
    if (rules.isPaused) return { reason: "paused", limit: null, ...known };
    const blocked = state === "offered" ? null : flow.blockedBy(rules, entry, now());
    if (!blocked) return { reason: entry.isRemote ? "no_worker" : "concurrency", limit: null, ...known };
    const isRate = blocked.limit === "starts" || blocked.limit === "startsPerKey";
    return { reason: isRate ? "rate" : "concurrency", limit: blocked.limit, ...known };
  }

  /**
   * The job enters again, by its alarm or because it continues. With a slot its message goes out (again). A remote one is
   * offered, unless a worker has just been given it and is about to start it. An alarm of the queue that was lost is set.
   */
  #enterAgain(ref: QueueRef, known: QueuedJob, entry: QueueEntry): EnterAnswer {
    const isCurrent = known.state === "running" && known.entry.attempt === entry.attempt;
    const isNewRun = known.entry.continuation < entry.continuation;
    const isLate = (known.givenAt ?? 0) + START_WITHIN_MS <= now();
    if (isCurrent && entry.isRemote && (isNewRun || isLate))
      this.#store.put({ entry, state: "offered", claim: null, givenAt: null });
    this.#dispatcher.pump(ref);
    return isCurrent && !entry.isRemote ? { kind: "granted" } : { kind: "waiting", waiting: null };
  }
}
