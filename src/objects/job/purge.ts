/** How a job object deletes its job: what it holds elsewhere first, the job last. */

import type { Job } from "../../core/job.ts";
import { log } from "../../lib/log.ts";
import type { DeleteAnswer } from "../../rpc/job.ts";
import type { JobAlarm } from "./alarm.ts";
import { jobLogFields } from "./effects.ts";
import type { openIndexPublisher } from "./index-publisher.ts";
import type { JobStore } from "./store.ts";

/** What the object lends. */
type PurgeDependencies = {
  store: JobStore;
  indexPublisher: ReturnType<typeof openIndexPublisher>;
  alarm: JobAlarm;
  /** Releases what the job has outside its object; rejects if anything is left. */
  release: (job: Job) => Promise<void>;
};

/** The purges of one object, one at a time. */
export class Purge {
  readonly #ctx: DurableObjectState;
  readonly #object: PurgeDependencies;
  #running: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, object: PurgeDependencies) {
    this.#ctx = ctx;
    this.#object = object;
  }

  /** Resolves when no purge is under way. Rejects if the one under way fails. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Deletes a finished job that finished by then, epoch milliseconds. */
  async deleteFinished(job: Job, finishedBy: number): Promise<DeleteAnswer> {
    const { phase } = job;
    if (!("finishedAt" in phase)) return { kind: "not_finished", status: phase.status };
    if (phase.finishedAt > finishedBy) return { kind: "finished_later" };
    await this.#delete(job);
    return { kind: "deleted" };
  }

  /**
   * Takes a job out of the index and deletes it. Rejects if anything is left; then the alarm lists it again, also if the
   * object dies in between.
   */
  async #delete(job: Job): Promise<void> {
    const { indexPublisher, alarm, store } = this.#object;
    if (!store.isUnconfirmed()) store.save({ job, events: [] }, true);
    alarm.keep(job, true);
    try {
      await indexPublisher.markDeleted(job);
      await this.run(job);
    } catch (error) {
      const left = store.load();
      if (left) alarm.keep(left, true);
      throw error;
    }
    log("info", "deleted", jobLogFields(job));
  }

  /** Deletes the job, if it is still the one it was decided for. Rejects if anything is left. */
  async run(job: Job): Promise<void> {
    if (this.#object.store.load()?.id !== job.id) return;
    this.#running ??= this.#deleteEverything(job).finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  /** The job last, so that a failure before it is retried. */
  async #deleteEverything(job: Job): Promise<void> {
    const { store, indexPublisher, alarm, release } = this.#object;
    await release(job);
    await this.#ctx.blockConcurrencyWhile(async () => {
      alarm.clear();
      indexPublisher.reset();
      await store.deleteAll();
    });
  }
}
