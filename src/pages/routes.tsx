/** The pages that need no key and show no job: `/`, `/docs` and `/problems/{code}`. */

import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { openApiDocument } from "../http/openapi.ts";
import { Problem } from "../http/problems.ts";
import type { JobTypes } from "../job-types/define.ts";
import { Docs } from "./docs.tsx";
import { Home } from "./home.tsx";
import { htmlOf } from "./layout.tsx";
import { isProblemCode, ProblemPage } from "./problem.tsx";
import { pageHeaders } from "./security.ts";

/** They change with a deployment at most; a deployment is seen this many seconds later. */
const CACHE = { "Cache-Control": "public, max-age=60" };

/** The routes; `types` are the job types the reference speaks of. */
export function pageRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();
  for (const path of ["/", "/docs", "/problems/*"]) routes.use(path, pageHeaders);

  routes.get("/", async (c) => c.html(await htmlOf(<Home origin={new URL(c.req.url).origin} />), 200, CACHE));
  routes.get("/docs", async (c) => {
    const document = openApiDocument(types, new URL(c.req.url).origin);
    return c.html(await htmlOf(<Docs document={document} />), 200, CACHE);
  });
  routes.get("/problems/:code", async (c) => {
    const code = c.req.param("code");
    if (!isProblemCode(code)) throw new Problem("not_found");
    return c.html(await htmlOf(<ProblemPage code={code} />), 200, CACHE);
  });
  return routes;
}
