/**
 * The webhook a submission asks for: whether this deployment sends any, and whether it may go there.
 * Only what the body says is judged here; whether anybody answers there is found out by delivering.
 */

import type { FieldError } from "../api/problems.ts";
import { WebhookRequestSchema } from "../api/schemas.ts";
import { terminalEvents } from "../core/deliveries.ts";
import type { Webhook } from "../core/job.ts";
import { type Env, settings } from "../env.ts";
import { checkTarget } from "../lib/target.ts";

/** Whose deployment it is, and the host it was reached under. */
type WebhookContext = { env: Env; ownHost: string | null };

/**
 * The webhook of a `POST /v1/jobs` body, and what speaks against its target; null if it asks for none, or for one whose
 * very shape is wrong, which the outer schema says.
 */
export function readWebhook(
  body: unknown,
  door: WebhookContext,
): { webhook: Webhook | null; faults: FieldError[] } {
  const given = (body as { webhook?: { url?: unknown } | null } | null)?.webhook;
  const faults = typeof given?.url === "string" ? webhookTargetErrors(given.url, door) : [];
  const asked = WebhookRequestSchema.safeParse(given);
  if (!asked.success) return { webhook: null, faults };
  const { url, events = terminalEvents } = asked.data;
  return { webhook: { url, events }, faults };
}

/** What speaks against a well-formed webhook; nothing speaks against none. */
export function webhookErrors(webhook: Webhook | null, door: WebhookContext): FieldError[] {
  return webhook ? webhookTargetErrors(webhook.url, door) : [];
}

function webhookTargetErrors(url: string, { env, ownHost }: WebhookContext): FieldError[] {
  if (!env.WEBHOOK_SECRET) return [{ pointer: "#/webhook", detail: "This deployment sends no webhooks." }];
  const detail = checkTarget(url, { allowLocal: settings(env).ALLOW_LOCALHOST_URLS, ownHost });
  return detail === null ? [] : [{ pointer: "#/webhook/url", detail }];
}
