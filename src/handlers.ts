/** Puts the Worker together from its job types: requests to the app, messages to the consumer of their queue. */

import { createApp } from "./app.ts";
import type { QueueLimits } from "./core/queue.ts";
import type { Env } from "./env.ts";
import type { JobTypes } from "./job-types/define.ts";
import { declareQueues } from "./rpc/declared-queues.ts";
import { consumeJobs } from "./runner/consumer.ts";
import { consumeDeliveries } from "./webhooks/deliver.ts";

/** As in wrangler.toml. */
const DELIVERIES = "accepted-deliveries";

/** The handlers of a Worker that offers these job types, and the queues that types name, with their limits. */
export function createService(
  types: JobTypes,
  queues: Record<string, Partial<QueueLimits>> = {},
): ExportedHandler<Env> {
  declareQueues(queues);
  const app = createApp(types);
  return {
    fetch: app.fetch,
    queue: (batch, env, ctx) =>
      batch.queue === DELIVERIES ? consumeDeliveries(batch, env, ctx) : consumeJobs(batch, env, ctx, types),
  };
}
