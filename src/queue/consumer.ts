/** The consumer of the queue of jobs: each message is the doorbell of one slice of one attempt. */

import type { Env } from "../env.ts";
import type { JobTypes } from "../job-types/define.ts";
import { eachMessage } from "./batch.ts";
import { JobMessage } from "./message.ts";
import { runSlice } from "./run.ts";

/** Runs all messages of the batch side by side; resolves when their runs have ended (locally at once). */
export function consume(
  batch: MessageBatch,
  env: Env,
  ctx: ExecutionContext,
  types: JobTypes,
): Promise<void> {
  return eachMessage(batch, env, ctx, {
    schema: JobMessage,
    handle: (message) => runSlice(message, env, types),
  });
}
