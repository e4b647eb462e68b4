/**
 * The Durable Object of one job: its single source of truth. Every command loads, decides, saves and performs, with
 * nothing awaited between load and save. The core decides; this class adds storage, alarm and calls.
 */

import { DurableObject } from "cloudflare:workers";
import { findAwaitedDelivery } from "../../core/deliveries.ts";
import { acceptJob } from "../../core/dispatch.ts";
import { holdsUniqueKey } from "../../core/facts.ts";
import type { HeldReport } from "../../core/held-report.ts";
import type {
  Command,
  Decision,
  DeliveryAttempt,
  Job,
  RemoteWorker,
  Report,
  Submission,
} from "../../core/job.ts";
import { transition } from "../../core/transition.ts";
import type { Env } from "../../env.ts";
import { makeJobId } from "../../lib/id.ts";
import { now, random } from "../../lib/runtime.ts";
import { NORMAL_CLOSURE } from "../../lib/socket.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import {
  type CancelAnswer,
  type Claim,
  type DeleteAnswer,
  type DueDelivery,
  type FileAccess,
  type JobObjectCalls,
  type JobQueueStatus,
  type JobRef,
  type OnConflict,
  type RemoteCommand,
  type RemoteRunAnswer,
  type ReplaySource,
  type RunAnswer,
  type RunOutcome,
  readRef,
  type UsedUp,
} from "../../rpc/job.ts";
import type { EnterAnswer } from "../../rpc/queue.ts";
import {
  type DeliveryView,
  findDeliveryView,
  type Snapshot,
  toDeliveryView,
  toEventView,
  toSnapshot,
} from "../../rpc/views.ts";
import { JobAlarm } from "./alarm.ts";
import {
  knownSeq,
  toCancelAnswer,
  toClaim,
  toDueDelivery,
  toFileAccess,
  toRemoteAnswer,
  toReplaySource,
  toRunAnswer,
} from "./answers.ts";
import { logEvents, performEffect, releaseResources, requiresPurge } from "./effects.ts";
import { isProgress, openIndexPublisher, toIndexEntry } from "./index-publisher.ts";
import { Purge } from "./purge.ts";
import { askQueue, queueStatusOf } from "./queueing.ts";
import { JobSockets } from "./sockets.ts";
import { openJobStore } from "./store.ts";
import { Submissions } from "./submit.ts";
import { answerUpgrade } from "./upgrades.ts";
import { wakeJob } from "./wake.ts";
import { WorkerReports } from "./worker-reports.ts";

export class JobObject extends DurableObject<Env> implements JobObjectCalls {
  readonly #store = openJobStore(this.ctx.storage);
  readonly #sockets = new JobSockets(this.ctx);
  readonly #workerReports = new WorkerReports({
    load: this.#store.load,
    sockets: this.#sockets,
    apply: (job, command, held) => this.#applyTo(job, command, held),
  });
  readonly #submissions = new Submissions(this.env, {
    store: this.#store,
    create: (submission, id, entered) => this.#create(submission, id, entered),
    newId: () => makeJobId(this.ctx.id.toString()),
    fireAt: (at) => this.#alarm.set(at),
  });
  readonly #indexPublisher = openIndexPublisher(this.env);
  readonly #alarm = new JobAlarm(this.ctx, this.#store.isEmpty());
  readonly #purge = new Purge(this.ctx, {
    store: this.#store,
    indexPublisher: this.#indexPublisher,
    alarm: this.#alarm,
    release: (job) => releaseResources(this.env, job),
  });

  async submit(submission: Submission, onConflict: OnConflict, usedUp: UsedUp | null = null) {
    return this.#submissions.submit(submission, { onConflict, usedUp });
  }

  /** Writes nothing, except that it sets a lost alarm again. */
  async read(ref: JobRef): Promise<Snapshot | null> {
    const job = this.#find(ref);
    if (!job) return null;
    this.#alarm.restore(job);
    this.#sockets.onRead();
    const held = this.#sockets.heldOf(job);
    return toSnapshot(job, now(), held, await askQueue(this.env, job));
  }

  async eventsAfter(ref: JobRef, seq: number) {
    const job = this.#find(ref);
    return job && this.#store.eventsAfter(knownSeq(job, seq)).map(toEventView);
  }

  async cancel(ref: JobRef, reason: string | null, ifVersion: number[] | null): Promise<CancelAnswer> {
    const decision = this.#apply(ref, { type: "cancel", reason, ifVersion });
    return decision ? toCancelAnswer(decision, now()) : { kind: "not_found" };
  }

  async delete(ref: JobRef, finishedBy = Number.POSITIVE_INFINITY): Promise<DeleteAnswer> {
    const job = this.#find(ref);
    if (!job) return { kind: "not_found" };
    return this.#purge.deleteFinished(job, finishedBy);
  }

  async replaySource(ref: JobRef): Promise<ReplaySource | null> {
    const job = this.#find(ref);
    return job && toReplaySource(job);
  }

  /** Called by a unique key object: whether this job still owns the key. */
  async holdsUniqueKey(ref: JobRef, name: string): Promise<boolean> {
    const job = this.#find(ref);
    return job ? holdsUniqueKey(job, name, now()) : this.#submissions.isSubmitting(ref.id);
  }

  async publish(ref: JobRef): Promise<void> {
    const job = this.#find(ref);
    if (job) await this.#indexPublisher.publishOrThrow(job);
  }

  async reconcile(ref: JobRef): Promise<IndexEntry | null> {
    await this.#purge.ended();
    const decision = this.#apply(ref, { type: "wake" });
    if (decision && requiresPurge(decision)) await this.#purge.run(decision.job);
    return decision && !requiresPurge(decision) ? toIndexEntry(decision.job) : null;
  }

  async start(
    ref: JobRef,
    attempt: number,
    continuation: number,
    lease: string,
    worker: RemoteWorker | null = null,
  ): Promise<Claim | null> {
    const decision = this.#apply(ref, { type: "start", attempt, continuation, lease, worker });
    return decision?.answer.ok ? toClaim(decision.job, { attempt, continuation }, now()) : null;
  }

  async report(ref: JobRef, lease: string, report: Report, isHeartbeat: boolean): Promise<RunAnswer> {
    return this.#applyRun(ref, { type: "report", lease, report, isHeartbeat });
  }

  async saveCheckpoint(ref: JobRef, lease: string, checkpoint: string): Promise<RunAnswer> {
    return this.#applyRun(ref, { type: "save_checkpoint", lease, checkpoint });
  }

  async holdFiles(ref: JobRef, lease: string): Promise<RunAnswer> {
    return this.#applyRun(ref, { type: "hold_files", lease });
  }

  async finish(ref: JobRef, lease: string, report: Report, outcome: RunOutcome): Promise<RunAnswer> {
    return this.#applyRun(ref, { lease, report, ...outcome });
  }

  async runRemotely(ref: JobRef, command: RemoteCommand): Promise<RemoteRunAnswer | null> {
    return toRemoteAnswer(this.#apply(ref, command), command.lease);
  }

  async queueStatus(ref: JobRef): Promise<JobQueueStatus> {
    return queueStatusOf(this.#find(ref), this.#submissions.isSubmitting(ref.id));
  }

  async input(ref: JobRef): Promise<string | null> {
    return this.#find(ref)?.input ?? null;
  }

  async mayReadFile(ref: JobRef, lease: string, fileId: string): Promise<FileAccess> {
    return toFileAccess(this.#find(ref), lease, fileId);
  }

  async acknowledge(ref: JobRef, lease: string): Promise<void> {
    this.#apply(ref, { type: "acknowledge", lease });
  }

  /** Upgrades to WebSockets. A worker that attaches has run for a while: the index may have it now. */
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const job = this.#find(readRef(url.searchParams));
    if (!job) return new Response(null, { status: 404 });
    if (url.pathname === "/worker") this.ctx.waitUntil(this.#indexPublisher.publish(job));
    return answerUpgrade(url, job, { sockets: this.#sockets, store: this.#store });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    this.#workerReports.receive(socket, message);
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    this.#sockets.onClosed(socket);
    if (code !== NORMAL_CLOSURE) this.#workerReports.onBroken(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#sockets.onClosed(socket);
    this.#workerReports.onBroken(socket);
  }

  async delivery(ref: JobRef, deliveryId: string, attempt: number): Promise<DueDelivery | null> {
    const job = this.#find(ref);
    const delivery = job && findAwaitedDelivery(job, deliveryId, attempt);
    return delivery && toDueDelivery(job, delivery);
  }

  async recordDelivery(
    ref: JobRef,
    deliveryId: string,
    attempt: number,
    outcome: DeliveryAttempt,
  ): Promise<DeliveryView | null> {
    const decision = this.#apply(ref, { type: "record_delivery", deliveryId, attempt, outcome });
    return decision?.answer.ok ? findDeliveryView(decision.job, deliveryId) : null;
  }

  async deliveries(ref: JobRef): Promise<DeliveryView[] | null> {
    return this.#find(ref)?.deliveries.map(toDeliveryView) ?? null;
  }

  async redeliver(ref: JobRef, deliveryId: string): Promise<DeliveryView | null> {
    const decision = this.#apply(ref, { type: "redeliver", deliveryId });
    return decision && findDeliveryView(decision.job, deliveryId);
  }

  /** Never throws: the platform retries a failed alarm six times and then drops it, and the job with it. */
  override async alarm(): Promise<void> {
    await wakeJob(this.ctx.id.toString(), {
      store: this.#store,
      alarm: this.#alarm,
      indexPublisher: this.#indexPublisher,
      purge: this.#purge,
      submissions: this.#submissions,
      decide: (job) => this.#decide(job, { type: "wake" }),
      commit: (decision, before) => this.#commit(decision, before),
    });
  }

  #create(submission: Submission, id: string, entered: EnterAnswer | null): Snapshot {
    const decision = acceptJob(submission, id, now(), entered?.kind === "granted");
    this.#commit(decision, undefined, entered);
    return toSnapshot(decision.job, now(), null, entered?.kind === "waiting" ? entered.waiting : undefined);
  }

  /** The job, if it is the one a call is for: another tenant's, or an earlier or later one, is none. */
  #find({ tenant, id }: JobRef): Job | null {
    const job = this.#store.load();
    return job?.id === id && job.tenant === tenant ? job : null;
  }

  /** Runs one command; null if the job is gone. */
  #apply(ref: JobRef, command: Command): Decision | null {
    return this.#applyTo(this.#find(ref), command);
  }

  #applyTo(job: Job | null, command: Command, held?: HeldReport): Decision | null {
    if (!job) return null;
    const decision = this.#decide(job, command, held);
    this.#commit(decision, job);
    return decision;
  }

  #decide(job: Job, command: Command, held = this.#sockets.heldOf(job)): Decision {
    return transition(job, command, now(), random(), held);
  }

  #applyRun(ref: JobRef, command: Extract<Command, { lease: string }>): RunAnswer {
    return toRunAnswer(this.#apply(ref, command), command);
  }

  /** Saves state and alarm in one commit, then performs the effects without waiting for them. */
  #commit(decision: Decision, before?: Job, entered: EnterAnswer | null = null): void {
    const { job, events, effects } = decision;
    const hasNews = job.version !== before?.version;
    const isNews = hasNews && !isProgress(events);
    if (job !== before) this.#store.save(decision, isNews);
    this.#alarm.keep(job, isNews);
    logEvents(job, events);
    if (job !== before) this.#sockets.publish(job, events);
    for (const effect of effects) this.ctx.waitUntil(performEffect(this.env, job, effect, entered));
    if (hasNews) this.ctx.waitUntil(this.#indexPublisher.publishChange(job, events));
  }
}
