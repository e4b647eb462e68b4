/**
 * Lets nothing but TLS through. Plain http is for the loopback names of a local service only, so a key is never
 * answered on an open line, and a page that reaches the local service under a name of its own gets nothing.
 */

import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../app-env.ts";
import { Problem, problemResponse } from "../problems.ts";

const LOOPBACK_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"]);
const HSTS = "max-age=31536000";

/**
 * Over plain http the API answers 403, because a redirect would hide that the key was sent in the open; pages
 * redirect (301). Over https every answer carries HSTS (RFC 6797).
 */
export const requireSecureOrigin = createMiddleware<AppEnv>(async (c, next) => {
  const url = new URL(c.req.url);
  if (url.protocol === "https:") {
    await next();
    c.res.headers.set("Strict-Transport-Security", HSTS);
    return;
  }
  if (LOOPBACK_NAMES.has(url.hostname)) return next();
  const isPage = !url.pathname.startsWith("/v1/") && (c.req.method === "GET" || c.req.method === "HEAD");
  url.protocol = "https:";
  if (isPage) return c.redirect(url.href, 301);
  return problemResponse(c, new Problem("forbidden", { detail: "Send the request over https." }));
});
