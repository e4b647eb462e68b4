/**
 * The session: an API key in a cookie that only this server can make, that scripts cannot read and that no other
 * site sends. The API validates the key with every request.
 */

import type { Context } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { HOUR } from "../core/time.ts";
import { hex, sha256 } from "../lib/hash.ts";
import { now } from "../lib/runtime.ts";
import type { DashboardEnv, Session } from "./context.ts";

export const ROOT = "/dashboard";

/** A working day; then the person signs in again. */
const LIFETIME_MS = 12 * HOUR;

const COOKIE = "accepted_session";

/** Keeps the session in the browser. */
export async function beginSession(c: Context<DashboardEnv>, session: Session): Promise<void> {
  const value = JSON.stringify({ ...session, until: now() + LIFETIME_MS });
  await setSignedCookie(c, COOKIE, value, await secretOf(c), {
    ...attributes(c),
    maxAge: LIFETIME_MS / 1_000,
  });
}

/** The session of a request; null without a valid, unexpired cookie. */
export async function currentSession(c: Context<DashboardEnv>): Promise<Session | null> {
  const value = await getSignedCookie(c, await secretOf(c), COOKIE);
  if (!value) return null;
  const { key, mayWrite, until } = JSON.parse(value) as Session & { until: number };
  return until > now() ? { key, mayWrite } : null;
}

/** Deletes the cookie. */
export function endSession(c: Context<DashboardEnv>): void {
  deleteCookie(c, COOKIE, attributes(c));
}

function attributes(c: Context<DashboardEnv>) {
  const secure = new URL(c.req.url).protocol === "https:";
  return { path: ROOT, httpOnly: true, sameSite: "Strict", secure } as const;
}

/** Derived from the secret list of keys, so it needs no setup, and changing the list ends all sessions. */
async function secretOf(c: Context<DashboardEnv>): Promise<string> {
  return hex(await sha256(`accepted dashboard session\n${c.env.API_KEYS ?? ""}`));
}

/** The page to go to after signing in: `wanted` if it is one of the dashboard, else the overview. */
export function safeReturn(wanted: string | null, requestUrl: string): string {
  const { origin } = new URL(requestUrl);
  const url = URL.parse(wanted ?? "", `${origin}${ROOT}/`);
  const isOurs = url?.origin === origin && (url.pathname === ROOT || url.pathname.startsWith(`${ROOT}/`));
  const isSignIn = url?.pathname.startsWith(`${ROOT}/sign-`);
  return wanted && isOurs && !isSignIn ? `${url.pathname}${url.search}` : ROOT;
}
