/** The error pages. Each says what the error means for the person who sees it; none shows an exception's text. */

import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { log } from "../../lib/log.ts";
import { StalledStream } from "../../lib/request-chunks.ts";
import { htmlOf } from "../../site/layout.tsx";
import { ApiError } from "../api.ts";
import { Shell } from "../components/shell.tsx";
import type { DashboardEnv, Session } from "../context.ts";
import { UnreadableForm } from "../form/simple.ts";
import { endSession, ROOT, SessionUnreachable } from "../session.ts";

type Words = {
  status: 400 | 403 | 404 | 408 | 409 | 413 | 422 | 429 | 500 | 503;
  title: string;
  what: string;
};

const NOT_FOUND: Words = {
  status: 404,
  title: "Not found",
  what: "The address may be mistyped. A job that was deleted, or purged when its time was over, no longer exists; a job of another tenant is not shown.",
};
const FOREIGN: Words = {
  status: 403,
  title: "This did not come from the dashboard",
  what: "The browser says that another site sent this form, so nothing was done. Go back to the dashboard and do it there.",
};
const UNREADABLE: Words = {
  status: 400,
  title: "The form could not be read",
  what: "Nothing was done. Go back and send it again.",
};
const BROKEN: Words = {
  status: 500,
  title: "Something went wrong on our side",
  what: "Try again. If it stays so, tell support the reference below.",
};
const STALLED: Words = {
  status: 408,
  title: "The form did not arrive",
  what: "Nothing was done, because the connection stood still. Go back and send it again.",
};
const UNREACHABLE: Words = {
  status: 503,
  title: "The service is not available for a moment",
  what: "Your session could not be checked. Load the page again in a few seconds.",
};
const RETRY_SECONDS = 5;
const titles: Partial<Record<number, string>> = {
  403: "Insufficient scope",
  429: "Too many requests",
  503: "The service is not available for a moment",
};

/** Answers for anything thrown while a page was made. */
export async function errorPage(error: Error, c: Context<DashboardEnv>) {
  if (error instanceof ApiError) return apiErrorPage(c, error);
  if (error instanceof HTTPException && error.status === 403) return renderError(c, FOREIGN);
  if (error instanceof UnreadableForm) return renderError(c, UNREADABLE);
  if (error instanceof StalledStream) return renderError(c, STALLED);
  if (error instanceof SessionUnreachable) {
    log("error", "unavailable", { request_id: c.get("requestId"), error });
    c.header("Retry-After", String(RETRY_SECONDS));
    return renderError(c, UNREACHABLE, c.get("requestId"));
  }
  log("error", "request_failed", { request_id: c.get("requestId"), error });
  return renderError(c, { ...BROKEN }, c.get("requestId"));
}

/** The page for an address that leads nowhere. */
export function notFoundPage(c: Context<DashboardEnv>) {
  return renderError(c, NOT_FOUND);
}

async function apiErrorPage(c: Context<DashboardEnv>, { problem, retryAfter }: ApiError): Promise<Response> {
  if (problem.status === 401) return signInAgain(c);
  if (problem.status === 404) return renderError(c, NOT_FOUND);
  const status = problem.status as Words["status"];
  const what = retryAfter ? `${problem.detail} That is in ${retryAfter} seconds.` : problem.detail;
  if (retryAfter) c.header("Retry-After", retryAfter);
  return renderError(c, { status, title: titles[status] ?? problem.title, what }, problem.instance);
}

/** The key is no longer valid: ends the session and leads back to the page after signing in. */
async function signInAgain(c: Context<DashboardEnv>): Promise<Response> {
  await endSession(c);
  const { pathname, search } = new URL(c.req.url);
  const wanted = c.req.method === "GET" ? `${pathname}${search}` : ROOT;
  return c.redirect(`${ROOT}/sign-in?${new URLSearchParams({ return_to: wanted, why: "over" })}`, 303);
}

async function renderError(
  c: Context<DashboardEnv>,
  { status, title, what }: Words,
  reference?: string,
): Promise<Response> {
  const session: Session | undefined = c.get("session");
  const shown = (
    <Shell title={title} session={session}>
      <h1>{title}</h1>
      <p>{what}</p>
      {reference && (
        <p>
          Reference for support: <code>{reference}</code>
        </p>
      )}
      <p>
        <a href={ROOT}>To the overview</a>
      </p>
    </Shell>
  );
  return c.html(await htmlOf(shown), status);
}
