/** The pages that need no key and know no job. */

import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { Home } from "./home.tsx";
import { htmlOf } from "./layout.tsx";
import { pageHeaders } from "./security.ts";

/** These pages change only with a deployment. */
const CACHE = { "Cache-Control": "public, max-age=300" };

/** `/`. */
export function pageRoutes() {
  const routes = new Hono<AppEnv>();
  routes.use("/", pageHeaders);
  routes.get("/", async (c) => c.html(await htmlOf(<Home origin={new URL(c.req.url).origin} />), 200, CACHE));
  return routes;
}
