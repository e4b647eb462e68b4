/**
 * The service with messages that reach their consumer at once, without a queue: where the local runtime's queue, which
 * reports each batch to Node, would be what is measured.
 */

import type { Env } from "../../src/env.ts";
import { createService } from "../../src/handlers.ts";
import { jobTypes } from "../../src/job-types/index.ts";
import { JobObject as RealJobObject } from "../../src/objects/job/object.ts";
import { consumeJobs } from "../../src/runner/consumer.ts";
import { jobQueueBindings } from "../../src/transport/queues.ts";

export {
  DatasetObject,
  FilesObject,
  IndexDirectoryObject,
  JobIndexObject,
  SessionObject,
  UniqueKeyObject,
} from "../../src/worker.ts";

export class JobObject extends RealJobObject {
  constructor(ctx: DurableObjectState, env: Env) {
    const direct = { send: (body: unknown) => consume(body, env, ctx) };
    super(ctx, { ...env, ...Object.fromEntries(jobQueueBindings.map((binding) => [binding, direct])) });
  }
}

async function consume(body: unknown, env: Env, ctx: DurableObjectState): Promise<void> {
  const message = {
    id: "",
    body,
    attempts: 1,
    timestamp: new Date(),
    ack: () => undefined,
    retry: () => undefined,
  };
  const batch = { queue: "direct", messages: [message] } as unknown as MessageBatch;
  ctx.waitUntil(consumeJobs(batch, env, ctx as unknown as ExecutionContext, jobTypes));
}

export default createService(jobTypes);
