/** The routes that make browser tokens. */

import { type Context, Hono } from "hono";
import { settings } from "../../env.ts";
import { randomId } from "../../lib/id.ts";
import { now } from "../../lib/runtime.ts";
import { formatTime } from "../../rpc/views.ts";
import {
  type JobTokenRequest,
  JobTokenRequestSchema,
  TOKEN_LIFE_DEFAULT_MS,
} from "../../submission/request.ts";
import { signToken } from "../../tenants/tokens.ts";
import type { AppEnv } from "../app-env.ts";
import { NO_STORE } from "../cache.ts";
import { jobStub } from "../jobs/job-stub.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { readJson, validate } from "../request/body.ts";
import { UploadTokenRequestSchema } from "./schemas.ts";

export function tokenRoutes() {
  const routes = new Hono<AppEnv>();

  routes.post("/jobs/:id/tokens", requireScope("jobs:write"), async (c) => {
    const job = jobStub(c);
    const request = validate(JobTokenRequestSchema, await readJson(c));
    if (!(await job.read())) throw new Problem("not_found");
    return c.json({ data: await makeJobToken(c, c.req.param("id"), request) }, 201, NO_STORE);
  });

  routes.post("/upload-tokens", requireScope("files:write"), async (c) => {
    const { max_size, content_types, expires_in_ms } = validate(UploadTokenRequestSchema, await readJson(c));
    const expiresAt = now() + (expires_in_ms ?? TOKEN_LIFE_DEFAULT_MS);
    const contentTypes = content_types?.map((type) => type.toLowerCase()) ?? null;
    const { tenant } = c.get("caller");
    const token = await signToken(
      { kind: "upload", tenant, fileId: randomId("file"), maxSize: max_size, contentTypes, expiresAt },
      settings(c.env).SIGNING_SECRET,
    );
    return c.json({ data: { token, expires_at: formatTime(expiresAt) } }, 201, NO_STORE);
  });

  return routes;
}

/** A token for a job of the caller's tenant, as it is answered. */
export async function makeJobToken(
  c: Context<AppEnv>,
  jobId: string,
  { allow, expires_in_ms }: JobTokenRequest,
) {
  const expiresAt = now() + (expires_in_ms ?? TOKEN_LIFE_DEFAULT_MS);
  const { tenant } = c.get("caller");
  const token = await signToken(
    { kind: "job", tenant, jobId, allow, expiresAt },
    settings(c.env).SIGNING_SECRET,
  );
  const events = `/v1/jobs/${jobId}/events?access_token=${token}`;
  return { token, allow, expires_at: formatTime(expiresAt), links: { events } };
}
