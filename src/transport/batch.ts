/**
 * Handles each message of a batch on its own, so that a failing one does not affect the others. Shared by all
 * queues.
 */

import type { z } from "zod";
import { type Env, settings } from "../env.ts";
import { log } from "../lib/log.ts";
import type { DeliveryMessage, JobMessage, WakeMessage } from "./message.ts";

/** When a message is delivered again whose job could not be reached. */
const MESSAGE_RETRY_SECONDS = 5;

type AnyMessage = JobMessage | DeliveryMessage | WakeMessage;

/** The schema of a queue's messages, and what to do with one; a rejection delivers it again. */
export type Handling<Message> = {
  schema: z.ZodType<Message>;
  handle: (message: Message) => Promise<void>;
};

/**
 * Handles all messages of the batch at once. Deployed, the invocation lasts as long as its work. The local queue
 * delivers one batch at a time, so there the work continues after the batch returns.
 */
export async function eachMessage<Message extends AnyMessage>(
  batch: MessageBatch,
  env: Env,
  ctx: ExecutionContext,
  handling: Handling<Message>,
): Promise<void> {
  const work = Promise.all(batch.messages.map((message) => handleOne(message, handling)));
  if (settings(env).LOCAL_QUEUE) ctx.waitUntil(work);
  else await work;
}

async function handleOne<Message extends AnyMessage>(
  message: globalThis.Message,
  { schema, handle }: Handling<Message>,
): Promise<void> {
  const parsed = schema.safeParse(message.body);
  if (!parsed.success) {
    log("error", "message_unreadable", { message_id: message.id, error: parsed.error });
    message.ack();
    return;
  }
  try {
    await handle(parsed.data);
    message.ack();
  } catch (error) {
    const { tenant } = parsed.data;
    const about = "jobId" in parsed.data ? { job_id: parsed.data.jobId, attempt: parsed.data.attempt } : {};
    log("warn", "claim_failed", { ...about, tenant, error });
    message.retry({ delaySeconds: MESSAGE_RETRY_SECONDS });
  }
}
