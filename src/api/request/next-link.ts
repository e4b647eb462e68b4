/** Links between the pages of a list. */

import type { Context } from "hono";
import type { AppEnv } from "../app-env.ts";

/** The same query from the end of this page on, as a `Link` (RFC 8288). */
export function nextLink(c: Context<AppEnv>, cursor: string): string {
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set("cursor", cursor);
  return `<${pathname}?${searchParams}>; rel="next"`;
}
