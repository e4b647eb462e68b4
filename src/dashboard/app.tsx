/**
 * The dashboard: pages for those who run the service and support its clients, made here from what the public API
 * answers to the key of who looks. Readable and operable without scripts; no page is ever stored by the browser.
 */

import { Hono } from "hono";
import { csrf } from "hono/csrf";
import { createMiddleware } from "hono/factory";
import { html } from "hono/html";
import { trimTrailingSlash } from "hono/trailing-slash";
import { pageHeaders } from "../site/security.ts";
import { createApiClient, type Service } from "./api.ts";
import type { DashboardEnv } from "./context.ts";
import { bulkPageRoutes } from "./pages/bulk.tsx";
import { errorPage, notFoundPage } from "./pages/errors.tsx";
import { jobPageRoutes } from "./pages/job.tsx";
import { jobActionRoutes } from "./pages/job-actions.tsx";
import { keyPageRoutes } from "./pages/keys.tsx";
import { listRoutes } from "./pages/list.tsx";
import { overviewRoutes } from "./pages/overview.tsx";
import { signInRoutes } from "./pages/sign-in.tsx";
import { submitRoutes } from "./pages/submit.tsx";
import { passRoutes } from "./pass.ts";
import { currentSession, ROOT } from "./session.ts";

/** The pages below /dashboard, over the public API that `service` serves. */
export function createDashboard(service: Service) {
  const app = new Hono<DashboardEnv>();
  app.onError(errorPage);
  app.use(trimTrailingSlash());
  app.use("/files/*", sandboxed);
  app.use("/jobs/:id/result", sandboxed);
  app.use(pageHeaders);
  app.use(csrf());
  app.route("/", signInRoutes(service));
  app.use(signedIn(service));
  for (const routes of [
    overviewRoutes,
    listRoutes,
    bulkPageRoutes,
    submitRoutes,
    jobPageRoutes,
    jobActionRoutes,
    keyPageRoutes,
    passRoutes,
  ])
    app.route("/", routes());
  app.get("*", notFoundPage);
  return app;
}

/** What was uploaded or made by a job is never run as a page of this origin. */
const sandboxed = createMiddleware(async (c, next) => {
  await next();
  if (c.res.status < 400) c.header("Content-Security-Policy", "default-src 'none'; sandbox");
});

/** Finds the session, or leads to signing in and back. */
function signedIn(service: Service) {
  return createMiddleware<DashboardEnv>(async (c, next) => {
    const session = await currentSession(c);
    if (session) {
      c.set("session", session);
      c.set("api", createApiClient(service, c, session.key));
      return next();
    }
    const { pathname, search } = new URL(c.req.url);
    const isPage = c.req.method === "GET";
    if (isPage && c.req.header("Sec-Fetch-Site") === "cross-site") return c.html(comeAgain);
    const query = isPage ? new URLSearchParams({ return_to: `${pathname}${search}` }) : "why=over";
    return c.redirect(`${ROOT}/sign-in?${query}`, 303);
  });
}

/**
 * A link on another site brings no cookie along, since it is SameSite=Strict. Coming again from this page, which is of
 * this site, does: so a link to a job in a chat or a ticket works for who is signed in.
 */
const comeAgain = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="0">
<title>One moment</title>
<h1>One moment</h1>
<p>If nothing happens, <a href="">go on</a>.</p>
</html>`;
