/**
 * Secrets and signatures of webhooks by Standard Webhooks 1.0. A tenant's secret is derived from the deployment's
 * secret and the tenant's name whenever it is needed; it is neither stored nor logged.
 */

import type { Env } from "../env.ts";

const signEncoder = new TextEncoder();

/**
 * The secrets that sign, the current one first: two during a rotation, none if the deployment sends no webhooks.
 */
export function masterSecrets(env: Pick<Env, "WEBHOOK_SECRET" | "WEBHOOK_SECRET_PREVIOUS">): string[] {
  if (!env.WEBHOOK_SECRET) return [];
  return env.WEBHOOK_SECRET_PREVIOUS
    ? [env.WEBHOOK_SECRET, env.WEBHOOK_SECRET_PREVIOUS]
    : [env.WEBHOOK_SECRET];
}

/** The tenant's secret as its receivers are given it: `whsec_` and the base64 of 32 bytes ("Signature scheme"). */
export async function tenantSecret(master: string, tenant: string): Promise<string> {
  return `whsec_${base64(await tenantKey(master, tenant))}`;
}

/** A message and when it is sent; `at` is epoch milliseconds. */
export type SignedMessage = { tenant: string; id: string; at: number; body: string };

/**
 * The three headers of a message ("Webhook headers"). `webhook-signature` has one signature for each of the
 * deployment's secrets, separated by a space, of which a receiver needs to know one.
 */
export async function signatureHeaders(
  masters: readonly string[],
  { tenant, id, at, body }: SignedMessage,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1_000));
  const signatures = await Promise.all(
    masters.map(async (master) => sign(await tenantKey(master, tenant), id, timestamp, body)),
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

/** One signature ("Symmetric signatures"): `v1,` and the base64 of what is signed with `key`. */
export async function sign(key: Uint8Array, id: string, timestamp: string, body: string): Promise<string> {
  return `v1,${base64(await hmac(key, `${id}.${timestamp}.${body}`))}`;
}

function tenantKey(master: string, tenant: string): Promise<Uint8Array> {
  return hmac(signEncoder.encode(master), `webhook/${tenant}`);
}

/** HMAC-SHA256 (RFC 2104): 32 bytes. */
async function hmac(key: Uint8Array, text: string): Promise<Uint8Array> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, signEncoder.encode(text)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
