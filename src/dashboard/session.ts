/**
 * The session: an API key in an encrypted cookie that scripts cannot read and that no other site sends. Its secret is
 * in the session's object, so signing out ends every copy of the cookie. The API validates the key with every request.
 */

import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { HOUR, MINUTE, SECOND } from "../core/time.ts";
import type { Env } from "../env.ts";
import { type LogFields, log } from "../lib/log.ts";
import { withRetry } from "../lib/retry.ts";
import { now } from "../lib/runtime.ts";
import { open, seal } from "../lib/sealed.ts";
import { newSessionId, sessionObject } from "../rpc/session.ts";
import type { DashboardEnv, Person, Session } from "./context.ts";

export const ROOT = "/dashboard";

/** A working day; then the person signs in again. */
const LIFETIME_MS = 12 * HOUR;

/** Without a request for so long the session is over. The cookie is renewed, but not with every request. */
const IDLE_MS = 2 * HOUR;
const RENEWAL_MS = 5 * MINUTE;

/** How long an isolate trusts what it read: a session that another isolate ended is over after this. */
const SECRET_TRUST_MS = 5 * SECOND;
const SECRETS_KEPT_MAX = 1_000;

const COOKIE = "accepted_session";

/** What the cookie says, all times in epoch milliseconds. */
type Content = Omit<Session, "id"> & { endsAt: number; sealedAt: number };

/** Keeps the session in the browser. */
export async function beginSession(c: Context<DashboardEnv>, session: Omit<Session, "id">): Promise<void> {
  const id = newSessionId(c.env);
  const endsAt = now() + LIFETIME_MS;
  const secret = await sessionObject(c.env, id)?.begin(endsAt);
  if (!secret) return;
  await writeCookie(c, id, secret, { ...session, endsAt });
  log("info", "signed_in", logFields(c, session));
}

/** The session of a request; null without a valid cookie. Rejects if its object cannot be asked. */
export async function currentSession(c: Context<DashboardEnv>): Promise<Session | null> {
  const [id = "", sealed = ""] = getCookie(c, COOKIE, cookiePrefix(c))?.split(".") ?? [];
  const secret = sealed === "" ? null : await secretOf(c.env, id);
  const text = secret && (await open(secret, sealed));
  if (!secret || !text) return null;
  const { sealedAt, ...content } = JSON.parse(text) as Content;
  if (now() >= Math.min(content.endsAt, sealedAt + IDLE_MS)) return null;
  if (now() >= sealedAt + RENEWAL_MS) await writeCookie(c, id, secret, content);
  const { endsAt: _, ...session } = content;
  return { id, ...session };
}

/** Ends the session, if there is one, and deletes the cookie. */
export async function endSession(c: Context<DashboardEnv>): Promise<void> {
  const session = await currentSession(c);
  if (session) {
    await withRetry(async () => sessionObject(c.env, session.id)?.end());
    secrets.delete(session.id);
    log("info", "signed_out", logFields(c, session));
  }
  deleteCookie(c, COOKIE, cookieAttributes(c));
}

function logFields(c: Context<DashboardEnv>, { keyId, tenant }: Person): LogFields {
  return { request_id: c.get("requestId"), tenant, key_id: keyId };
}

async function writeCookie(
  c: Context<DashboardEnv>,
  id: string,
  secret: Uint8Array,
  content: Omit<Content, "sealedAt">,
): Promise<void> {
  const sealed = await seal(secret, JSON.stringify({ ...content, sealedAt: now() } satisfies Content));
  const maxAge = Math.ceil((content.endsAt - now()) / SECOND);
  setCookie(c, COOKIE, `${id}.${sealed}`, { ...cookieAttributes(c), maxAge });
}

/** What every cookie of the dashboard has in common. */
export function cookieAttributes(c: Context<DashboardEnv>) {
  const prefix = cookiePrefix(c);
  const secure = prefix === undefined ? { secure: false } : { secure: true, prefix };
  return { path: ROOT, httpOnly: true, sameSite: "Strict", ...secure } as const;
}

/** Browsers accept a cookie named `__Secure-…` over https only. */
export function cookiePrefix(c: Context<DashboardEnv>): "secure" | undefined {
  return new URL(c.req.url).protocol === "https:" ? "secure" : undefined;
}

/** Whether the session is over cannot be said, so the person is neither let in nor asked to sign in again. */
export class SessionUnreachable extends Error {
  override readonly name = "SessionUnreachable";
}

const secrets = new Map<string, { secret: Uint8Array | null; readAt: number }>();

async function secretOf(env: Env, id: string): Promise<Uint8Array | null> {
  const known = secrets.get(id);
  if (known && now() < known.readAt + SECRET_TRUST_MS) return known.secret;
  const readAt = now();
  const secret = await withRetry(async () => (await sessionObject(env, id)?.secret()) ?? null).catch(
    (cause: unknown) => {
      throw new SessionUnreachable("The object of a session could not be asked.", { cause });
    },
  );
  if (secrets.size >= SECRETS_KEPT_MAX) secrets.clear();
  secrets.set(id, { secret, readAt });
  return secret;
}

/** The page to go to after signing in: `wanted` if it is one of the dashboard, else the overview. */
export function safeReturn(wanted: string | null, requestUrl: string): string {
  const { origin } = new URL(requestUrl);
  const url = URL.parse(wanted ?? "", `${origin}${ROOT}/`);
  const isOurs = url?.origin === origin && (url.pathname === ROOT || url.pathname.startsWith(`${ROOT}/`));
  const isSignIn = url?.pathname.startsWith(`${ROOT}/sign-`);
  return wanted && isOurs && !isSignIn ? `${url.pathname}${url.search}` : ROOT;
}
