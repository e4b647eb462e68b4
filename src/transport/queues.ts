/**
 * Which queue a job's message takes. Cloudflare starts more consumers only when one has finished, and at most 250 for a
 * queue. So short attempts never wait behind long ones, and a tenant with many jobs delays a quarter of the others.
 */

import type { Job } from "../core/job.ts";
import { MINUTE } from "../core/time.ts";
import { fnv1a } from "../lib/hash.ts";

/** Attempts of at most this long take the queues of the short. */
const SHORT_ATTEMPT_MS = MINUTE;

const indexes = [0, 1, 2, 3] as const;
type QueueClass = "SHORT" | "LONG";

/** The bindings of the queues; wrangler.toml has a block for each. */
export type JobQueueBinding = `JOB_QUEUE_${QueueClass}_${(typeof indexes)[number]}`;

const queuesOf = (queueClass: QueueClass) =>
  indexes.map((index): JobQueueBinding => `JOB_QUEUE_${queueClass}_${index}`);
const byClass = { SHORT: queuesOf("SHORT"), LONG: queuesOf("LONG") };

export const jobQueueBindings: readonly JobQueueBinding[] = Object.values(byClass).flat();

/** The queue of the job's messages: by the length of its attempts and by its tenant. */
export function jobQueueBinding({
  tenant,
  policy,
}: {
  tenant: string;
  policy: Pick<Job["policy"], "attemptTimeoutMs">;
}): JobQueueBinding {
  const queues = policy.attemptTimeoutMs <= SHORT_ATTEMPT_MS ? byClass.SHORT : byClass.LONG;
  return queues[fnv1a(tenant) % queues.length] ?? "JOB_QUEUE_SHORT_0";
}
