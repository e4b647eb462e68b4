/** The pages that need no key and show no job: `/`, `/docs` and `/problems/{code}`. */

import { Hono } from "hono";
import type { AppEnv } from "../api/app-env.ts";
import { openApiDocument } from "../api/openapi/document.ts";
import { Problem } from "../api/problems.ts";
import type { JobTypes } from "../job-types/define.ts";
import { Home } from "./home.tsx";
import { htmlOf } from "./layout.tsx";
import { isProblemCode, ProblemPage } from "./problem.tsx";
import { Docs } from "./reference.tsx";
import { pageHeaders } from "./security.ts";

/** They change with a deployment at most; a deployment is seen this many seconds later. */
const PAGE_CACHE = { "Cache-Control": "public, max-age=60" };

/** The routes; `types` are the job types of the reference. */
export function siteRoutes(types: JobTypes) {
  const routes = new Hono<AppEnv>();
  for (const path of ["/", "/docs", "/problems/*"]) routes.use(path, pageHeaders);

  routes.get("/", async (c) =>
    c.html(await htmlOf(<Home origin={new URL(c.req.url).origin} />), 200, PAGE_CACHE),
  );
  routes.get("/docs", async (c) => {
    const document = openApiDocument(types, new URL(c.req.url).origin);
    return c.html(await htmlOf(<Docs document={document} />), 200, PAGE_CACHE);
  });
  routes.get("/problems/:code", async (c) => {
    const code = c.req.param("code");
    if (!isProblemCode(code)) throw new Problem("not_found");
    return c.html(await htmlOf(<ProblemPage code={code} />), 200, PAGE_CACHE);
  });
  return routes;
}
