/** Deliveries through the real consumer, of jobs whose messages the test holds, to a receiver that the test plays. */

import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { terminalEvents } from "../../src/core/deliveries.ts";
import type { Webhook } from "../../src/core/job.ts";
import { consumeDeliveries } from "../../src/webhooks/deliver.ts";
import { captureLog } from "./log.ts";
import { succeed } from "./moves.ts";
import { type Held, submitted, TENANT } from "./objects.ts";

export const HOOK = "https://hooks.example.com/in?token=secret-of-the-url";

export const SECRET = "a secret of the deployment, of 32 characters";

/** A job with a webhook, still queued. */
export function jobWithWebhook(webhook: Partial<Webhook> = {}): Promise<Held> {
  return submitted({ webhook: { url: HOOK, events: terminalEvents, ...webhook } });
}

/** A job that has succeeded and has one delivery under way. */
export async function succeededJob(result: unknown = null, url = HOOK): Promise<Held> {
  const job = await jobWithWebhook({ url });
  await succeed(job.id, result);
  return job;
}

/** The job's only delivery, as its client sees it. */
export async function deliveryOf(job: Held, index = 0) {
  const delivery = (await job.api().deliveries())?.[index];
  if (!delivery) throw new Error("there is no such delivery");
  return delivery;
}

/** The message that rings for try number `attempt` of the job's only delivery. */
export async function messageFor(job: Held, attempt = 1) {
  return { tenant: TENANT, jobId: job.id, deliveryId: (await deliveryOf(job)).id, attempt };
}

export type Received = { url: string; headers: Headers; body: string; redirect: string | undefined };

/** Takes the place of the global fetch until `vi.restoreAllMocks()`; keeps what was posted. */
export function playReceiver(answer: (url: string, signal: AbortSignal) => Response | Promise<Response>) {
  const received: Received[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    received.push({
      url: String(url),
      headers: new Headers(init?.headers),
      body: String(init?.body),
      redirect: init?.redirect,
    });
    return answer(String(url), init?.signal ?? new AbortController().signal);
  });
  return received;
}

/** Delivers one batch of messages and waits until all it started has ended. */
export async function consume(bodies: unknown[], changes: Record<string, unknown> = {}) {
  const messages = bodies.map((body, index) => {
    return { id: `m${index}`, timestamp: new Date(0), attempts: 1, body };
  });
  const batch = createMessageBatch("accepted-deliveries", messages);
  const ctx = createExecutionContext();
  const bindings = { ...env, WEBHOOK_SECRET: SECRET, LOCAL_QUEUE: "false", ...changes };
  await consumeDeliveries(batch, bindings, ctx);
  return getQueueResult(batch, ctx);
}

/** The log records with this name, from now on. */
export function watchLog() {
  const records = captureLog();
  return {
    text: () => records.map((record) => JSON.stringify(record)).join("\n"),
    lines: (event: string) => records.filter((record) => record.event === event),
  };
}
