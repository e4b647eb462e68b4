/**
 * Who is signed in: an API key in a cookie that only this server can have made, that scripts cannot read and that no
 * other site can send. The key is looked at anew by the API with every request; the cookie only carries it.
 */

import type { Context } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { hex, sha256 } from "../lib/hash.ts";
import { now } from "../lib/runtime.ts";
import type { DashboardEnv, Session } from "./context.ts";

export const ROOT = "/dashboard";

/** A working day; then the key is asked for again. */
const LIFETIME_MS = 12 * 60 * 60_000;

const COOKIE = "accepted_session";

/** Keeps the session in the browser. */
export async function beginSession(c: Context<DashboardEnv>, session: Session): Promise<void> {
  const value = JSON.stringify({ ...session, until: now() + LIFETIME_MS });
  await setSignedCookie(c, COOKIE, value, await secretOf(c), {
    ...attributes(c),
    maxAge: LIFETIME_MS / 1_000,
  });
}

/** The session that the request carries; null without one, and for one that is over or not of our making. */
export async function currentSession(c: Context<DashboardEnv>): Promise<Session | null> {
  const value = await getSignedCookie(c, await secretOf(c), COOKIE);
  if (!value) return null;
  const { key, mayWrite, until } = JSON.parse(value) as Session & { until: number };
  return until > now() ? { key, mayWrite } : null;
}

/** Lets the browser forget the session. */
export function endSession(c: Context<DashboardEnv>): void {
  deleteCookie(c, COOKIE, attributes(c));
}

function attributes(c: Context<DashboardEnv>) {
  const secure = new URL(c.req.url).protocol === "https:";
  return { path: ROOT, httpOnly: true, sameSite: "Strict", secure } as const;
}

/** Follows from the list of keys, which only the server has: nothing more to set up, and changing it ends sessions. */
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
