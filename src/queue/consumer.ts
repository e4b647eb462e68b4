/** Takes a batch of messages and runs each by itself: one that is bad or fails never touches the others. */

import { type Env, settings } from "../env.ts";
import type { JobTypes } from "../job-types/define.ts";
import { log } from "../lib/log.ts";
import { JobMessage } from "./message.ts";
import { runSlice } from "./run.ts";

/** How soon a message comes again whose job could not be reached. */
const RETRY_SECONDS = 5;

/**
 * Runs all messages of the batch side by side. Deployed, the invocation lasts as long as its runs, for it is what
 * keeps them alive. The local queue delivers one batch at a time, so there the runs go on behind the answer.
 */
export async function consume(
  batch: MessageBatch,
  env: Env,
  ctx: ExecutionContext,
  types: JobTypes,
): Promise<void> {
  const runs = Promise.all(batch.messages.map((message) => runMessage(message, env, types)));
  if (settings(env).LOCAL_QUEUE) ctx.waitUntil(runs);
  else await runs;
}

async function runMessage(message: Message, env: Env, types: JobTypes): Promise<void> {
  const parsed = JobMessage.safeParse(message.body);
  if (!parsed.success) {
    log("error", "message_unreadable", { message_id: message.id, error: parsed.error });
    message.ack();
    return;
  }
  try {
    await runSlice(parsed.data, env, types);
    message.ack();
  } catch (error) {
    const { jobId, tenant, attempt } = parsed.data;
    log("warn", "claim_failed", { job_id: jobId, tenant, attempt, error });
    message.retry({ delaySeconds: RETRY_SECONDS });
  }
}
