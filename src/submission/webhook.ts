/** The webhook a submission asks for. Only the request is validated; delivering finds out whether the target answers. */

import { terminalEvents } from "../core/deliveries.ts";
import type { Webhook } from "../core/job.ts";
import { type Env, targetRules } from "../env.ts";
import { checkTarget } from "../lib/target.ts";
import type { FieldError } from "./field-errors.ts";
import { WebhookRequestSchema } from "./request.ts";

/** The deployment, and the host it was reached under. */
type WebhookContext = { env: Env; ownHost: string | null };

/** The webhook of a `POST /v1/jobs` body and the errors of its target; null without one or for a malformed one. */
export function readWebhook(
  body: unknown,
  context: WebhookContext,
): { webhook: Webhook | null; errors: FieldError[] } {
  const given = (body as { webhook?: { url?: unknown } | null } | null)?.webhook;
  const errors = typeof given?.url === "string" ? targetErrors(given.url, context) : [];
  const request = WebhookRequestSchema.safeParse(given);
  if (!request.success) return { webhook: null, errors };
  const { url, events = terminalEvents } = request.data;
  return { webhook: { url, events }, errors };
}

function targetErrors(url: string, { env, ownHost }: WebhookContext): FieldError[] {
  if (!env.WEBHOOK_SECRET) return [{ pointer: "#/webhook", detail: "This deployment sends no webhooks." }];
  const detail = checkTarget(url, targetRules(env, ownHost));
  return detail === null ? [] : [{ pointer: "#/webhook/url", detail }];
}
