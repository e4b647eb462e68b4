/**
 * The Durable Object of one job, and the only truth about it.
 * One rhythm for every command: load, decide, save, perform, with nothing awaited between load and save.
 * What may happen is decided in core; here is only what the platform needs: storage, alarm, calls.
 */

import { DurableObject } from "cloudflare:workers";
import { awaitedDelivery } from "../core/delivery.ts";
import {
  type Answer,
  type Command,
  type Decision,
  type DeliveryTry,
  holdsPlace,
  isFinished,
  type Job,
  type Report,
  type Submission,
} from "../core/job.ts";
import { refusalOf } from "../core/lease.ts";
import { transition } from "../core/transition.ts";
import { accept } from "../core/waiting.ts";
import { isSettled, nextWakeup } from "../core/wakeup.ts";
import type { Env } from "../env.ts";
import { openAlarm } from "../lib/alarm.ts";
import { log } from "../lib/log.ts";
import { NORMAL_CLOSURE } from "../lib/socket.ts";
import { now, random } from "../lib/world.ts";
import type { Entry } from "../listing/entry.ts";
import { isPurge, logEvents, logFieldsOf, performEffect, releaseHoldings } from "./effects.ts";
import { openFeed } from "./feed.ts";
import { CONFIRM_MS, entryOf, isSoonOutdone, openAnnouncer } from "./listed.ts";
import {
  type DeliveryView,
  presentDelivery,
  presentDeliveryOf,
  presentEvent,
  presentJob,
  presentSnapshot,
  presentTime,
} from "./present.ts";
import { openJobStore } from "./store.ts";
import type {
  CancelAnswer,
  Claim,
  DueDelivery,
  JobCalls,
  Outcome,
  RemoveAnswer,
  ReplaySource,
  RunAnswer,
  RunRefusal,
  Snapshot,
  SubmitAnswer,
} from "./stub.ts";
import { openSubmissions } from "./submit.ts";

const ALARM_RETRY_MS = 5 * 60_000;

export class JobObject extends DurableObject<Env> implements JobCalls {
  readonly #store = openJobStore(this.ctx.storage);
  readonly #feed = openFeed(this.ctx);
  readonly #submissions = openSubmissions(this.env, {
    store: this.#store,
    snapshot: () => this.#snapshot(),
    make: (submission) => this.#make(submission),
    ringAt: (at) => this.#alarm.set(at),
  });
  readonly #announcer = openAnnouncer(this.env);
  readonly #alarm = openAlarm(this.ctx);
  #purging: Promise<void> | null = null;

  // ---- for clients ----

  async submit(submission: Submission, onConflict: "return" | "reject"): Promise<SubmitAnswer> {
    return this.#submissions.submit(submission, onConflict);
  }

  /** Writes nothing, unless the alarm was lost: then whoever asks sets it again. */
  async read(): Promise<Snapshot | null> {
    const job = this.#store.load();
    if (job) this.#keepAlarm(job);
    return this.#snapshot();
  }

  async eventsAfter(seq: number) {
    return this.#store.load() && this.#store.eventsAfter(seq).map(presentEvent);
  }

  async cancel(reason: string | null, ifVersion: number[] | null): Promise<CancelAnswer> {
    const decision = this.#apply({ type: "cancel", reason, ifVersion });
    if (!decision) return { kind: "not_found" };
    const { answer, job } = decision;
    if (answer.ok) return { kind: "cancelled", ...presentSnapshot(job, now()) };
    const kind = answer.why === "version_mismatch" ? "version_mismatch" : "not_cancellable";
    return { kind, status: job.phase.status };
  }

  async remove(): Promise<RemoveAnswer> {
    const job = this.#store.load();
    if (!job) return { kind: "not_found" };
    if (!isFinished(job)) return { kind: "not_finished", status: job.phase.status };
    await this.#announcer.hide(job);
    await this.#purge(job);
    return { kind: "removed" };
  }

  async replaySource(): Promise<ReplaySource | null> {
    const job = this.#store.load();
    if (!job) return null;
    const { type, input, metadata, webhook, phase } = job;
    return { type, input, metadata, webhook, status: phase.status, isFinished: isFinished(job) };
  }

  /** Asked by a place whether this job still keeps others out of it. */
  async holdsPlace(name: string): Promise<boolean> {
    const job = this.#store.load();
    return job ? holdsPlace(job, name, now()) : this.#submissions.isUnderWay();
  }

  // ---- for the listing ----

  async announce(): Promise<void> {
    const job = this.#store.load();
    if (job) await this.#announcer.insist(job);
  }

  async knock(): Promise<Entry | null> {
    await this.#purging;
    const decision = this.#apply({ type: "wake" });
    if (decision && isPurge(decision)) await this.#purge(decision.job);
    return decision && !isPurge(decision) ? entryOf(decision.job) : null;
  }

  // ---- for the worker that runs an attempt ----

  async start(attempt: number, slice: number, lease: string): Promise<Claim | null> {
    const decision = this.#apply({ type: "start", attempt, slice, lease });
    if (!decision?.answer.ok) return null;
    const { type, input, checkpoint, policy, trace } = decision.job;
    const { attemptLimitMs, leaseMs, silenceLimitMs } = policy;
    return { type, input, checkpoint, attempt, slice, attemptLimitMs, leaseMs, silenceLimitMs, trace };
  }

  async report(lease: string, report: Report, alive: boolean): Promise<RunAnswer> {
    return this.#applyRun({ type: "report", lease, report, alive });
  }

  async saveCheckpoint(lease: string, checkpoint: string): Promise<RunAnswer> {
    return this.#applyRun({ type: "save_checkpoint", lease, checkpoint });
  }

  async finish(lease: string, report: Report, outcome: Outcome): Promise<RunAnswer> {
    return this.#applyRun({ lease, report, ...outcome });
  }

  async acknowledge(lease: string): Promise<void> {
    this.#apply({ type: "acknowledge", lease });
  }

  // ---- for those who follow ----

  /** `/feed?after=SEQ` (or `after=end`) follows the job's events; `/line?lease=…` holds a running attempt's line. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const job = this.#store.load();
    if (!job) return new Response(null, { status: 404 });
    if (pathname === "/feed") {
      const after = searchParams.get("after");
      const seq = after === "end" ? job.lastSeq : Number(after);
      return this.#feed.follow(job, this.#store.eventsAfter(seq));
    }
    const lease = searchParams.get("lease") ?? "";
    const why = refusalOf(job, lease);
    this.ctx.waitUntil(this.#announcer.announce(job));
    return why
      ? Response.json({ ok: false, why } satisfies RunRefusal, { status: 409 })
      : this.#feed.hold(lease);
  }

  /** A line that breaks, instead of being hung up, is the first sign that its worker may have died. */
  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    const lease = this.#feed.leaseCutOff(socket);
    if (lease !== null && code !== NORMAL_CLOSURE) this.#apply({ type: "suspect", lease });
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    const lease = this.#feed.leaseCutOff(socket);
    if (lease !== null) this.#apply({ type: "suspect", lease });
  }

  /** Followers have nothing to say. */
  override async webSocketMessage(): Promise<void> {}

  // ---- for webhooks ----

  async delivery(deliveryId: string, attempt: number): Promise<DueDelivery | null> {
    const job = this.#store.load();
    const delivery = job && awaitedDelivery(job, deliveryId, attempt);
    if (!job?.webhook || !delivery) return null;
    const [type, timestamp] = [delivery.eventType, presentTime(delivery.eventAt)];
    return { url: job.webhook.url, type, timestamp, job: presentJob(job), trace: job.trace };
  }

  async delivered(deliveryId: string, attempt: number, outcome: DeliveryTry): Promise<DeliveryView | null> {
    const decision = this.#apply({ type: "delivered", deliveryId, attempt, outcome });
    return decision?.answer.ok ? presentDeliveryOf(decision.job, deliveryId) : null;
  }

  async deliveries(): Promise<DeliveryView[] | null> {
    return this.#store.load()?.deliveries.map(presentDelivery) ?? null;
  }

  async redeliver(deliveryId: string): Promise<DeliveryView | null> {
    const decision = this.#apply({ type: "redeliver", deliveryId });
    return decision && presentDeliveryOf(decision.job, deliveryId);
  }

  // ---- the rhythm ----

  /** Never throws: a thrown alarm is retried six times and then lost, and the job with it. */
  override async alarm(): Promise<void> {
    this.#alarm.clear();
    try {
      const decision = this.#apply({ type: "wake" });
      if (!decision) await this.#submissions.reviewAlias();
      else if (isPurge(decision)) await this.#purge(decision.job);
      else await this.#announcer.confirm(decision.job);
    } catch (error) {
      this.#alarm.ringBy(now() + ALARM_RETRY_MS);
      log("error", "alarm_failed", { object: this.ctx.id.name, error });
    }
  }

  #make(submission: Submission): Snapshot {
    const decision = accept(submission, now());
    this.#commit(decision);
    return presentSnapshot(decision.job, now());
  }

  #snapshot(): Snapshot | null {
    const job = this.#store.load();
    return job && presentSnapshot(job, now());
  }

  /** One command from load to perform; null if there is no job. */
  #apply(command: Command): Decision | null {
    const job = this.#store.load();
    if (!job) return null;
    const decision = transition(job, command, now(), random());
    this.#commit(decision, job);
    return decision;
  }

  #applyRun(command: Extract<Command, { lease: string }>): RunAnswer {
    const decision = this.#apply(command);
    const answer: Answer = decision?.answer ?? { ok: false, why: "stale" };
    if (answer.ok) return answer;
    log("info", "refused_stale", { ...(decision ? logFieldsOf(decision.job) : {}), command: command.type });
    return { ok: false, why: answer.why === "cancelled" ? "cancelled" : "stale" };
  }

  /** Saves state and alarm as one commit, then performs what follows without waiting for it. */
  #commit(decision: Decision, before?: Job): void {
    const { job, events, effects } = decision;
    const hasNews = job.version !== before?.version;
    if (job !== before) this.#store.save(decision);
    this.#keepAlarm(job, hasNews);
    logEvents(job, events);
    if (job !== before) this.#feed.tell(job, events);
    for (const effect of effects) this.ctx.waitUntil(performEffect(this.env, job, effect));
    if (hasNews && !isSoonOutdone(events)) this.ctx.waitUntil(this.#announcer.announce(job));
  }

  /** A settled job needs no alarm, for its listing will knock; but with news, it sees to it that they were heard. */
  #keepAlarm(job: Job, hasNews = false): void {
    const times = [...(isSettled(job) ? [] : [nextWakeup(job)]), ...(hasNews ? [now() + CONFIRM_MS] : [])];
    if (times.length > 0) this.#alarm.ringBy(Math.min(...times));
  }

  /** One purge at a time, and none of a job that is gone: it would take the one that a key has made anew meanwhile. */
  async #purge(job: Job): Promise<void> {
    if (this.#store.load()?.createdAt !== job.createdAt) return;
    this.#purging ??= this.#removeAll(job).finally(() => {
      this.#purging = null;
    });
    await this.#purging;
  }

  /** Everything else first, so that a failure half-way leaves the job to try again. Rejects if it could not be done. */
  async #removeAll(job: Job): Promise<void> {
    await releaseHoldings(this.env, job);
    await this.ctx.blockConcurrencyWhile(async () => {
      this.#alarm.clear();
      this.#announcer.forget();
      await this.#store.erase();
    });
    log("info", "purged", logFieldsOf(job));
  }
}
