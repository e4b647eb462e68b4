/** Refuses query parameters that an operation does not have, and second values of those that take one. */

import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import type { AppEnv } from "../app-env.ts";
import type { QueryRule } from "../openapi/rules.ts";
import { rejectQuery } from "../request/query.ts";

/** Longer names are cut in the answer. */
const NAME_CHARS_MAX = 50;

/** A filter has one parameter per metadata key, which no list of names can hold. */
const METADATA_PARAMETER = /^metadata\[.+\]$/s;

/** The middleware for these rules, by method and path as in the OpenAPI document. */
export function checkQuery(rules: ReadonlyMap<string, QueryRule>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    if (c.req.url.includes("?")) {
      const path = matchedRoutes(c)
        .at(-1)
        ?.path.replaceAll(/:(\w+)/g, "{$1}");
      const method = c.req.method === "HEAD" ? "GET" : c.req.method;
      const rule = rules.get(`${method} ${path}`);
      if (rule) assertKnown(new URL(c.req.url).searchParams, rule);
    }
    await next();
  });
}

function assertKnown(query: URLSearchParams, { known, repeatable }: QueryRule): void {
  const counts = new Map<string, number>();
  for (const name of query.keys()) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const [name, count] of counts) {
    const shown = JSON.stringify(name.slice(0, NAME_CHARS_MAX));
    const isMetadata = known.has("metadata") && METADATA_PARAMETER.test(name);
    if (!isMetadata && (name === "metadata" || !known.has(name)))
      rejectQuery(`There is no query parameter ${shown}.`);
    if (count > 1 && !repeatable.has(name)) rejectQuery(`Give ${shown} once.`);
  }
}
