/** The HTTP side as a whole: what holds for every request, and which routes there are. */

import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { methodNotAllowed } from "hono/method-not-allowed";
import { accountRoutes } from "./api/account/routes.ts";
import type { AppEnv } from "./api/app-env.ts";
import { attemptRoutes } from "./api/attempts/routes.ts";
import { bulkRoutes } from "./api/bulk/routes.ts";
import { claimRoutes } from "./api/claims/routes.ts";
import { datasetRoutes } from "./api/datasets/routes.ts";
import { eventRoutes } from "./api/events/routes.ts";
import { fileRoutes } from "./api/files/routes.ts";
import { jobTypeRoutes } from "./api/job-types/routes.ts";
import { jobRoutes } from "./api/jobs/routes.ts";
import { keyRoutes } from "./api/keys/routes.ts";
import { authenticate } from "./api/middleware/authenticate.ts";
import { checkQuery } from "./api/middleware/query.ts";
import { requireSecureOrigin } from "./api/middleware/secure-origin.ts";
import { documentPaths, openApiDocument } from "./api/openapi/document.ts";
import { declaredHeaders, queryRules } from "./api/openapi/rules.ts";
import { Problem, problemResponse } from "./api/problems.ts";
import { queueRoutes } from "./api/queues/routes.ts";
import { continueTrace } from "./api/request/trace-context.ts";
import { statsRoutes } from "./api/stats/routes.ts";
import { tenantRoutes } from "./api/tenants/routes.ts";
import { tokenRoutes } from "./api/tokens/routes.ts";
import { uploadRoutes } from "./api/uploads/routes.ts";
import { webhookRoutes } from "./api/webhooks/routes.ts";
import { createDashboard } from "./dashboard/app.tsx";
import type { JobTypes } from "./job-types/define.ts";
import { BULK_TYPE } from "./job-types/jobs-bulk.ts";
import { log } from "./lib/log.ts";
import { uuid } from "./lib/runtime.ts";
import { siteRoutes } from "./site/routes.tsx";

/** Other answers get their headers from `identifyRequest`: given before there is an answer, they would cost a copy of it. */
const answerPreflight = cors({
  origin: "*",
  allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
  maxAge: 86_400,
});

/** A busy object or a deployment is available again within seconds. */
const UNAVAILABLE_RETRY_SECONDS = 2;

/** The Hono app with these job types; only `POST /v1/bulk` makes a bulk job. */
export function createApp(types: JobTypes) {
  const app = new Hono<AppEnv>();
  const submittable = new Map([...types].filter(([name]) => name !== BULK_TYPE));
  const paths = documentPaths(submittable);

  app.use(identifyRequest(declaredHeaders(paths)));
  app.use(requireSecureOrigin);
  app.use((c, next) => (c.req.method === "OPTIONS" && isShared(c) ? answerPreflight(c, next) : next()));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        problemResponse(c, new Problem("method_not_allowed", { headers: { Allow: methods.join(", ") } })),
    }),
  );
  app.onError((error, c) => problemResponse(c, errorToProblem(error, c.get("requestId"), c.req.raw)));
  app.notFound((c) => problemResponse(c, new Problem("not_found")));

  app.get("/v1/health", (c) => c.json({ data: { status: "ok" } }, 200, { "Cache-Control": "no-store" }));
  app.all("/v1/health", (c) => c.notFound());
  app.use("/v1/*", authenticate);
  app.use("/v1/*", checkQuery(queryRules(paths)));
  app.route("/v1", jobRoutes(submittable));
  app.route("/v1", statsRoutes());
  app.route("/v1", bulkRoutes(types));
  app.route("/v1", eventRoutes());
  app.route("/v1", webhookRoutes());
  app.route("/v1", jobTypeRoutes(submittable, types));
  app.route("/v1", queueRoutes(submittable));
  app.route("/v1", claimRoutes(submittable));
  app.route("/v1", attemptRoutes());
  app.route("/v1", fileRoutes());
  app.route("/v1", uploadRoutes());
  app.route("/v1", datasetRoutes());
  app.route("/v1", tokenRoutes());
  app.route("/v1", accountRoutes());
  app.route("/v1", keyRoutes());
  app.route("/v1", tenantRoutes());

  app.route(
    "/dashboard",
    createDashboard((request, env, ctx) => app.fetch(request, env, ctx)),
  );
  app.route("/", siteRoutes(submittable));
  app.get("/openapi.json", (c) =>
    c.json(openApiDocument(submittable, new URL(c.req.url).origin), 200, {
      "Cache-Control": "public, max-age=60",
    }),
  );
  return app;
}

/**
 * Gives every request an id and a trace, and every answer the headers that none goes without. Pages of other origins
 * may read the declared headers.
 */
function identifyRequest(declared: readonly string[]) {
  const exposed = declared.join(", ");
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set("requestId", uuid());
    const { traceparent, tracestate } = continueTrace(
      c.req.header("traceparent"),
      c.req.header("tracestate"),
    );
    c.set("traceparent", traceparent);
    c.set("tracestate", tracestate);
    await next();
    // The first makes the answer one whose headers may be set; every further `c.header` would copy the answer again.
    c.header("Request-Id", c.get("requestId"));
    const { headers } = c.res;
    headers.set("X-Content-Type-Options", "nosniff");
    if (isShared(c)) {
      headers.set("Access-Control-Allow-Origin", "*");
      headers.set("Access-Control-Expose-Headers", exposed);
    }
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
  });
}

/** Whether pages of other origins may read the answer: all of it but the dashboard, which has a session. */
function isShared(c: Context<AppEnv>): boolean {
  return !/^\/dashboard(\/|$)/.test(c.req.path);
}

/** Anything thrown becomes a problem; what was not meant for clients goes to the log, and only there. */
function errorToProblem(error: Error, requestId: string, { signal }: Request): Problem {
  if (error instanceof Problem) return error;
  if (signal.aborted) {
    log("info", "client_gone", { request_id: requestId, error });
    return new Problem("request_timeout");
  }
  const { retryable, overloaded } = error as { retryable?: boolean; overloaded?: boolean };
  // Cloudflare's error for too many new objects at once has neither flag.
  const isTransient =
    retryable === true || overloaded === true || /generating too much load/.test(error.message);
  log("error", isTransient ? "unavailable" : "request_failed", { request_id: requestId, error });
  if (!isTransient) return new Problem("internal_error");
  return new Problem("unavailable", { headers: { "Retry-After": String(UNAVAILABLE_RETRY_SECONDS) } });
}
