/** The consumer of the job queue: each message triggers one run of an attempt. */

import type { Env } from "../env.ts";
import type { JobTypes } from "../job-types/define.ts";
import { eachMessage } from "../transport/batch.ts";
import { JobMessage } from "../transport/message.ts";
import { handleJobMessage } from "./run.ts";

/** Runs all messages of the batch side by side; resolves when their runs have ended (locally at once). */
export function consumeJobs(
  batch: MessageBatch,
  env: Env,
  ctx: ExecutionContext,
  types: JobTypes,
): Promise<void> {
  return eachMessage(batch, env, ctx, {
    schema: JobMessage,
    handle: (message) => handleJobMessage(message, env, types),
  });
}
