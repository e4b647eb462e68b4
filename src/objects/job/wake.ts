/** What the alarm of a job's object does: acts on the deadlines that have passed, and confirms the index entry. */

import type { Decision, Job } from "../../core/job.ts";
import { HOUR, MINUTE } from "../../core/time.ts";
import { log } from "../../lib/log.ts";
import { now } from "../../lib/runtime.ts";
import type { JobAlarm } from "./alarm.ts";
import { requiresPurge } from "./effects.ts";
import type { openIndexPublisher } from "./index-publisher.ts";
import type { Purge } from "./purge.ts";
import type { JobStore } from "./store.ts";
import type { Submissions } from "./submit.ts";

const JOB_ALARM_RETRY_MS = 5 * MINUTE;
const INDEX_FULL_RETRY_MS = HOUR;

/** What the object lends. */
type WakeDependencies = {
  store: JobStore;
  alarm: JobAlarm;
  indexPublisher: ReturnType<typeof openIndexPublisher>;
  purge: Purge;
  submissions: Submissions;
  decide: (job: Job) => Decision;
  commit: (decision: Decision, before: Job) => void;
};

/** Never throws; what failed is tried again. */
export async function wakeJob(object: string, lent: WakeDependencies): Promise<void> {
  const { store, alarm, indexPublisher, purge } = lent;
  alarm.begin();
  let woken: Job | null = null;
  try {
    const job = store.load();
    if (!job) return await lent.submissions.purgeStaleAlias();
    const decision = lent.decide(job);
    if (requiresPurge(decision)) return await purge.run(job);
    woken = decision.job;
    if (woken !== job) lent.commit(decision, job);
    const isStored = !store.isUnconfirmed() || (await indexPublisher.publishDurably(woken));
    const current = store.load();
    if (isStored && current?.version === woken.version) store.confirm();
    alarm.confirmed(woken, current, woken !== job);
    if (!isStored) alarm.fireBy(now() + INDEX_FULL_RETRY_MS);
  } catch (error) {
    if (woken) alarm.keep(woken);
    alarm.fireBy(now() + JOB_ALARM_RETRY_MS);
    log("error", "alarm_failed", { object, error });
  } finally {
    alarm.end();
  }
}
