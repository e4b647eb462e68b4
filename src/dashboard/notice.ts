/**
 * What a form has done, shown once on the page that it leads to. A cookie carries it, not the address: a page that is
 * loaded again, or opened from a link, does not say that something has just happened.
 */

import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { DashboardEnv } from "./context.ts";
import { cookieAttributes, cookiePrefix } from "./session.ts";

const notices = {
  submitted: "The job was accepted. This page follows it.",
  cancelled: "The job was cancelled.",
  cancelled_before: "The job had been cancelled before; nothing was changed.",
  replayed: "This is a new job of the same type and input.",
  existing: "No job was made: this one was submitted earlier, and it still does the same work.",
  repeated: "No second job was made: this form was sent before.",
  deleted: "The job and everything of it was deleted.",
  deleted_before: "The job no longer existed; nothing was changed.",
  redelivered: "The webhook is sent again, unless an attempt is under way.",
  key_revoked: "The key was revoked. Within five seconds it is refused everywhere.",
  key_revoked_before: "The key no longer existed; nothing was changed.",
  bulk: "The action was accepted as a job of its own. This page follows it.",
} as const;
export type Notice = keyof typeof notices;

const NOTICE_COOKIE = "accepted_notice";

/** Long enough for a slow page to follow. */
const NOTICE_SECONDS = 30;

/** Leads to a page of the dashboard, which says once what was done. */
export function redirectWith(c: Context<DashboardEnv>, path: string, notice: Notice): Response {
  setCookie(c, NOTICE_COOKIE, notice, { ...cookieAttributes(c), maxAge: NOTICE_SECONDS });
  return c.redirect(path, 303);
}

/** The text to show, which is then forgotten; null if there is none. */
export function takeNotice(c: Context<DashboardEnv>): string | null {
  const name = getCookie(c, NOTICE_COOKIE, cookiePrefix(c));
  if (name === undefined) return null;
  deleteCookie(c, NOTICE_COOKIE, cookieAttributes(c));
  return Object.hasOwn(notices, name) ? notices[name as Notice] : null;
}
