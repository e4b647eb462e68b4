/**
 * Tokens: what a web page or a running attempt gets in place of a key. A token says what it allows and is signed; nothing
 * is stored. `acpj_` is for one job, `acpu_` for one upload, `acpa_` for one run of an attempt. Then come base64url of the
 * JSON and of its HMAC-SHA256.
 */

import { decodeBase64Url, encodeBase64Url } from "hono/utils/encode";
import { z } from "zod";
import { now } from "../lib/runtime.ts";
import { hmac, isSameText } from "../lib/signing.ts";

export const jobPermissions = ["read", "events", "result", "cancel"] as const;
export type JobPermission = (typeof jobPermissions)[number];

/** Longer ones are none of ours. */
const TOKEN_CHARS_MAX = 4_096;

const JobTokenSchema = z.object({
  kind: z.literal("job"),
  tenant: z.string(),
  jobId: z.string(),
  allow: z.array(z.enum(jobPermissions)),
  /** Epoch milliseconds. */
  expiresAt: z.number(),
});
const UploadTokenSchema = z.object({
  kind: z.literal("upload"),
  tenant: z.string(),
  /** The file that the upload makes: a second upload finds it made. */
  fileId: z.string(),
  maxSize: z.number(),
  contentTypes: z.array(z.string()).nullable(),
  expiresAt: z.number(),
});
const AttemptTokenSchema = z.object({
  kind: z.literal("attempt"),
  tenant: z.string(),
  jobId: z.string(),
  attempt: z.number(),
  /** That of the run: what comes after its end is refused. */
  lease: z.string(),
  leaseMs: z.number(),
  expiresAt: z.number(),
});
const TokenSchema = z.discriminatedUnion("kind", [JobTokenSchema, UploadTokenSchema, AttemptTokenSchema]);

export type JobToken = z.infer<typeof JobTokenSchema>;
export type UploadToken = z.infer<typeof UploadTokenSchema>;
export type AttemptToken = z.infer<typeof AttemptTokenSchema>;
export type Token = JobToken | UploadToken | AttemptToken;

const prefixes = { job: "acpj_", upload: "acpu_", attempt: "acpa_" } as const;

/** The token as its bearer sends it. */
export async function signToken(token: Token, signingSecret: string): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(token));
  const body = prefixes[token.kind] + encode(bytes);
  return `${body}.${await tokenMac(body, signingSecret)}`;
}

/** Whether a credential has the form of a token. */
export function isToken(text: string): boolean {
  return Object.values(prefixes).some((prefix) => text.startsWith(prefix));
}

/** What a token says; null if this deployment did not sign it, "expired" if its time is over. */
export async function readToken(text: string, signingSecret: string): Promise<Token | "expired" | null> {
  const dot = text.lastIndexOf(".");
  if (dot === -1 || text.length > TOKEN_CHARS_MAX) return null;
  const body = text.slice(0, dot);
  if (!isSameText(text.slice(dot + 1), await tokenMac(body, signingSecret))) return null;
  const json = new TextDecoder().decode(decodeBase64Url(body.slice(prefixes.job.length)));
  const token = TokenSchema.parse(JSON.parse(json));
  return now() < token.expiresAt ? token : "expired";
}

async function tokenMac(body: string, signingSecret: string): Promise<string> {
  return encode(await hmac(signingSecret, `token ${body}`));
}

/** Without the padding, which no bearer token has in its middle (RFC 6750 section 2.1). */
function encode(bytes: Uint8Array): string {
  return encodeBase64Url(new Uint8Array(bytes).buffer).replaceAll("=", "");
}
