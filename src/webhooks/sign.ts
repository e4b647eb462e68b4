/**
 * Secrets and signatures of webhooks by Standard Webhooks 1.0. A tenant's secret is derived from the deployment's
 * secret, the tenant's name and a generation whenever it is needed; it is neither stored nor logged.
 */

import type { Env } from "../env.ts";
import { now } from "../lib/runtime.ts";
import { hmac } from "../lib/signing.ts";
import { VIA } from "../lib/target.ts";
import type { WebhookGeneration } from "../rpc/tenant.ts";
import { findTenant } from "../tenants/look-up.ts";

const WEBHOOK_USER_AGENT = "Accepted-Webhooks/1.0";

/**
 * The secrets that sign, the current one first: two during a rotation, none if the deployment sends no webhooks.
 */
export function masterSecrets(env: Pick<Env, "WEBHOOK_SECRET" | "WEBHOOK_SECRET_PREVIOUS">): string[] {
  if (!env.WEBHOOK_SECRET) return [];
  return env.WEBHOOK_SECRET_PREVIOUS
    ? [env.WEBHOOK_SECRET, env.WEBHOOK_SECRET_PREVIOUS]
    : [env.WEBHOOK_SECRET];
}

/** A tenant's secret of one generation as its receivers are given it: `whsec_` and the base64 of 32 bytes ("Signature scheme"). */
export async function tenantSecret(master: string, tenant: string, generation: number): Promise<string> {
  return `whsec_${base64(await tenantKey(master, tenant, generation))}`;
}

/** The generations that sign now, the current one first: two during the overlap of a rotation. */
export function signingGenerations({ generation, previousExpiresAt }: WebhookGeneration): number[] {
  const isOverlapping = previousExpiresAt !== null && now() < previousExpiresAt;
  return isOverlapping ? [generation, generation - 1] : [generation];
}

/** A message and when it is sent; `at` is epoch milliseconds. */
export type SignedMessage = {
  tenant: string;
  generations: readonly number[];
  id: string;
  at: number;
  body: string;
};

/**
 * The three headers of a message ("Webhook headers"). `webhook-signature` has one signature for each of the
 * deployment's secrets and each generation, separated by a space, of which a receiver needs to know one.
 */
export async function signatureHeaders(
  masters: readonly string[],
  { tenant, generations, id, at, body }: SignedMessage,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1_000));
  const signatures = await Promise.all(
    masters.flatMap((master) =>
      generations.map(async (generation) =>
        sign(await tenantKey(master, tenant, generation), id, timestamp, body),
      ),
    ),
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

/** The headers of a message to a tenant's receiver, signed with every secret that is valid now. */
export async function signedMessageHeaders(
  env: Env,
  tenant: string,
  message: Pick<SignedMessage, "id" | "at" | "body">,
): Promise<Record<string, string>> {
  const state = await findTenant(env, tenant);
  const generations = signingGenerations(state?.webhook ?? { generation: 1, previousExpiresAt: null });
  return {
    "Content-Type": "application/json",
    "User-Agent": WEBHOOK_USER_AGENT,
    Via: VIA,
    ...(await signatureHeaders(masterSecrets(env), { tenant, generations, ...message })),
  };
}

/** One signature ("Symmetric signatures"): `v1,` and the base64 of what is signed with `key`. */
export async function sign(key: Uint8Array, id: string, timestamp: string, body: string): Promise<string> {
  return `v1,${base64(await hmac(key, `${id}.${timestamp}.${body}`))}`;
}

function tenantKey(master: string, tenant: string, generation: number): Promise<Uint8Array> {
  return hmac(master, `webhook/${tenant}/${generation}`);
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
