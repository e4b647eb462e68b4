/** Runs job types of a test's own making through the real consumer, on jobs whose messages the test holds. */

import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { z } from "zod";
import type { Policy } from "../../src/core/job.ts";
import { defineJobType, type JobContext, type JobType } from "../../src/job-types/define.ts";
import { consumeJobs } from "../../src/runner/consumer.ts";
import type { JobMessage } from "../../src/transport/message.ts";
import { type Held, policy, submitted, TENANT } from "../support/objects.ts";

/** A job type that does what the test says. */
export function typeThat(run: (job: JobContext, input: unknown) => Promise<unknown>): JobType {
  return defineJobType({
    type: "test.own",
    description: "Does what a test says.",
    input: z.unknown(),
    example: null,
    run: (input, job) => run(job, input),
  });
}

/** A job of `typeThat`, waiting for its message. */
export function ownJob(changes: Partial<Policy> = {}, input = "null"): Promise<Held> {
  return submitted({ type: "test.own", input, policy: { ...policy, ...changes } });
}

export function messageFor(job: Held, attempt = 1, continuation = 0): JobMessage {
  return { tenant: TENANT, jobId: job.id, attempt, continuation };
}

/** Delivers one batch and waits until all it started has ended. */
export async function deliver(type: JobType, bodies: unknown[], changes: Record<string, unknown> = {}) {
  const messages = bodies.map((body, index) => ({
    id: `m${index}`,
    timestamp: new Date(0),
    attempts: 1,
    body,
  }));
  const batch = createMessageBatch("accepted-jobs-short-0", messages);
  const ctx = createExecutionContext();
  await consumeJobs(batch, { ...env, LOCAL_QUEUE: "false", ...changes }, ctx, new Map([[type.type, type]]));
  return getQueueResult(batch, ctx);
}
