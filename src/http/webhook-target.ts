/**
 * The webhook a submission asks for: whether this deployment sends any, and whether it may go there.
 * Only what the body says is judged here; whether anybody answers there is found out by delivering.
 */

import { finalEvents } from "../core/delivery.ts";
import type { Webhook } from "../core/job.ts";
import { type Env, settings } from "../env.ts";
import { checkTarget } from "../lib/target.ts";
import type { Fault } from "./problems.ts";
import { WebhookRequest } from "./schemas.ts";

/** Whose deployment it is, and the host it was reached under. */
type Door = { env: Env; ownHost: string | null };

/**
 * The webhook of a `POST /v1/jobs` body, and what speaks against its target; null if it asks for none, or for one whose
 * very shape is wrong, which the outer schema says.
 */
export function readWebhook(body: unknown, door: Door): { webhook: Webhook | null; faults: Fault[] } {
  const given = (body as { webhook?: { url?: unknown } | null } | null)?.webhook;
  const faults = typeof given?.url === "string" ? targetFaults(given.url, door) : [];
  const asked = WebhookRequest.safeParse(given);
  if (!asked.success) return { webhook: null, faults };
  const { url, events = finalEvents } = asked.data;
  return { webhook: { url, events }, faults };
}

/** What speaks against a well-formed webhook; nothing speaks against none. */
export function webhookFaults(webhook: Webhook | null, door: Door): Fault[] {
  return webhook ? targetFaults(webhook.url, door) : [];
}

function targetFaults(url: string, { env, ownHost }: Door): Fault[] {
  if (!env.WEBHOOK_SECRET) return [{ pointer: "#/webhook", detail: "This deployment sends no webhooks." }];
  const detail = checkTarget(url, { allowLocal: settings(env).ALLOW_LOCAL_TARGETS, ownHost });
  return detail === null ? [] : [{ pointer: "#/webhook/url", detail }];
}
