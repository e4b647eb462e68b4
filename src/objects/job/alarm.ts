/** The alarm of a job object: for the job's next deadline, and to confirm its index entry. */

import type { Job } from "../../core/job.ts";
import { nextAlarmAt } from "../../core/timeouts.ts";
import { openAlarm } from "../../lib/alarm.ts";
import { now } from "../../lib/runtime.ts";

/** After a change, an alarm confirms the index entry within this time. */
const INDEX_CONFIRM_MS = 60_000;

/** Every time is epoch milliseconds. */
export class JobAlarm {
  readonly #alarm: ReturnType<typeof openAlarm>;
  /** Whether the alarm is about to confirm the index entry: until it has, another alarm must follow soon. */
  #isConfirming = false;

  /** `isNew` says that the object has stored nothing yet. */
  constructor(ctx: DurableObjectState, isNew: boolean) {
    this.#alarm = openAlarm(ctx, isNew);
  }

  fireBy(at: number): void {
    this.#alarm.fireBy(at);
  }

  set(at: number): void {
    this.#alarm.set(at);
  }

  /** To be called when the storage was deleted. */
  clear(): void {
    this.#alarm.clear();
  }

  /** To be called first when the alarm fires. */
  begin(): void {
    this.#alarm.clear();
    this.#isConfirming = true;
  }

  /** To be called last when the alarm fired. */
  end(): void {
    this.#isConfirming = false;
  }

  /** Sets a lost alarm again. */
  restore(job: Job): void {
    if (this.#alarm.isLost()) this.keep(job);
  }

  /**
   * The alarm also confirms the index entry: after a change, but for progress, until that is done, and if the alarm may
   * have been lost.
   */
  keep(job: Job, hasNews = false): void {
    const at = nextAlarmAt(job);
    const isUnconfirmed = hasNews || this.#isConfirming || this.#alarm.isLost();
    this.#alarm.fireBy(isUnconfirmed ? Math.min(at, now() + INDEX_CONFIRM_MS) : at);
  }

  /**
   * The index entry of `confirmed` is stored: unless the job changed meanwhile, only its next deadline matters. A job that
   * just changed mostly changes again before its alarm, so for it no row is spent on a later alarm.
   */
  confirmed(confirmed: Job, job: Job | null, hasJustChanged: boolean): void {
    this.#isConfirming = false;
    if (job?.version !== confirmed.version) {
      if (job) this.keep(job, true);
    } else if (hasJustChanged) this.#alarm.fireBy(nextAlarmAt(job));
    else this.#alarm.set(nextAlarmAt(job));
  }
}
