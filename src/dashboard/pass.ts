/** What the API answers and the browser takes as it is: a job's events as they come, its result, and files. */

import { Hono } from "hono";
import type { DashboardEnv } from "./context.ts";

const PASSED = [
  ...["Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Retry-After"],
  "X-Accel-Buffering",
];

/** `GET /jobs/{id}/events`, `/jobs/{id}/result` and `/files/{id}`. */
export function passRoutes() {
  const routes = new Hono<DashboardEnv>();

  routes.get("/jobs/:id/events", async (c) => {
    const lastId = c.req.header("Last-Event-ID");
    const query = new URLSearchParams({ after: c.req.query("after") ?? "0" });
    const path = `/v1/jobs/${encodeURIComponent(c.req.param("id"))}/events?${query}`;
    const headers = { Accept: "text/event-stream", ...(lastId && { "Last-Event-ID": lastId }) };
    return passed(await c.get("api").pass(path, headers));
  });

  routes.get("/jobs/:id/result", async (c) => {
    const id = c.req.param("id");
    const answer = await c.get("api").pass(`/v1/jobs/${encodeURIComponent(id)}/result`, {});
    return passed(answer, `${id}-result`);
  });

  routes.get("/files/:id", async (c) => {
    const id = c.req.param("id");
    const range = c.req.header("Range");
    const answer = await c
      .get("api")
      .pass(`/v1/files/${encodeURIComponent(id)}`, range ? { Range: range } : {});
    return passed(answer, id);
  });

  return routes;
}

const extensions: Record<string, string> = {
  "text/csv": "csv",
  "application/json": "json",
  "text/plain": "txt",
};

/** The API's answer; with a name, as a file that the browser saves under it. */
function passed(answer: Response, name?: string): Response {
  const headers = new Headers({ "Cache-Control": "no-store, no-transform" });
  for (const header of PASSED) {
    const value = answer.headers.get(header);
    if (value !== null) headers.set(header, value);
  }
  if (name !== undefined) {
    // With its own type, an uploaded script would satisfy the policy of our pages.
    headers.set("Content-Type", "application/octet-stream");
    const [mediaType = ""] = (answer.headers.get("Content-Type") ?? "").split(";");
    const extension = extensions[mediaType.trim().toLowerCase()];
    const filename = extension ? `${name}.${extension}` : name;
    headers.set("Content-Disposition", `attachment; filename="${filename.replace(/[^\w.-]/g, "_")}"`);
  }
  return new Response(answer.body, { status: answer.status, headers });
}
