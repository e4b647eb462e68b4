/** The routes of the file store: upload, read, delete. The body is the file, byte for byte; nothing is interpreted. */

import { type Context, Hono } from "hono";
import { HOUR, MINUTE } from "../../core/time.ts";
import { FileStore, UPLOAD_BYTES_MAX } from "../../files/store.ts";
import { isId } from "../../lib/id.ts";
import { withRetry } from "../../lib/retry.ts";
import type { StoredFile } from "../../rpc/files.ts";
import { jobObject } from "../../rpc/job.ts";
import { formatTime } from "../../rpc/views.ts";
import { isUsedUp } from "../../tenants/quotas.ts";
import { defaultSettings } from "../../tenants/settings.ts";
import type { AttemptToken } from "../../tenants/tokens.ts";
import type { AppEnv } from "../app-env.ts";
import { attemptOver, attemptTokenOf } from "../attempts/token.ts";
import { NO_STORE } from "../cache.ts";
import { requireScope, tokenExpired } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { bodyChunks } from "../request/body.ts";
import { readCursor, writeCursor } from "../request/cursor.ts";
import { nextLink } from "../request/next-link.ts";
import { readLimit, readTime, rejectQuery } from "../request/query.ts";
import { RETENTION_MAX_MS } from "../tenants/schemas.ts";
import { entityTag, fileResponse } from "./response.ts";
import { assertAllowedType, countUpload, readContentType } from "./upload.ts";

/** 100 MiB take half an hour at 500 kbit/s. */
const UPLOAD_PATIENCE = { idleMs: 30_000, totalMs: 30 * MINUTE };

export function fileRoutes() {
  const routes = new Hono<AppEnv>();

  routes.get("/files", requireScope("jobs:read"), listFiles);

  routes.post("/files", requireScope("files:write", "upload"), async (c) => {
    const contentType = readContentType(c);
    const declared = c.req.header("Content-Length");
    const bytes = declared === undefined ? undefined : Number(declared);
    const { bytesMax, id } = readUploadTerms(c, contentType);
    const attempt = attemptTokenOf(c);
    if (bytes !== undefined && bytes > bytesMax) throw new Problem("payload_too_large");
    assertRoom(c, bytes ?? 1);
    const created = await countUpload(c, () =>
      new FileStore(c.env).create({
        tenant: c.get("caller").tenant,
        jobId: attempt?.jobId ?? null,
        contentType,
        id,
        ...(attempt ? { confirm: () => holdFiles(c, attempt) } : { retentionMs: readRetention(c) }),
        chunks: bodyChunks(c, UPLOAD_PATIENCE),
        bytes,
        bytesMax,
      }),
    );
    if (!created.ok) throw created.reason === "exists" ? tokenExpired() : new Problem("payload_too_large");
    const { file } = created;
    return c.json({ data: fileView(file) }, 201, { Location: `/v1/files/${file.id}`, ETag: entityTag(file) });
  });

  routes.get("/files/:id", requireScope("jobs:read", "read_file"), (c) => fileResponse(c, c.req.param("id")));

  routes.delete("/files/:id", requireScope("files:write"), async (c) => {
    const id = c.req.param("id");
    const wasThere = isId("file", id) && (await new FileStore(c.env).delete(c.get("caller").tenant, id));
    if (!wasThere) throw new Problem("not_found");
    return c.body(null, 204, { "Cache-Control": "no-store" });
  });

  return routes;
}

/** The job notes that it has files, and with it the run still counts. Throws `attempt_over` if it does not. */
export async function holdFiles(c: Context<AppEnv>, { tenant, jobId, lease }: AttemptToken): Promise<void> {
  const hold = () => jobObject(c.env, tenant, jobId).runRemotely({ type: "hold_files", lease });
  const answer = await withRetry(hold);
  if (!answer?.ok) throw attemptOver(answer ?? { reason: "stale", status: null });
}

/** What may be uploaded: with an upload token, one file of its types and size. */
function readUploadTerms(
  c: Context<AppEnv>,
  contentType: string,
): { bytesMax: number; id: string | undefined } {
  const { token } = c.get("caller");
  if (token?.kind !== "upload") return { bytesMax: UPLOAD_BYTES_MAX, id: undefined };
  assertAllowedType(token, contentType);
  return { bytesMax: Math.min(token.maxSize, UPLOAD_BYTES_MAX), id: token.fileId };
}

/** The isolate's count is some seconds old; a file that just fits may exceed the quota by what came meanwhile. */
export function assertRoom(c: Context<AppEnv>, bytes: number): void {
  const { state, used } = c.get("caller");
  if (!state || !used || !isUsedUp(state, used, "stored_bytes", bytes)) return;
  const members = {
    limit: "stored_bytes",
    allowed: state.settings.limits.stored_bytes,
    used: used.stored_bytes,
  };
  throw new Problem("storage_quota_exceeded", {
    detail: `The tenant stores ${members.used} bytes of ${members.allowed}. Delete files or datasets.`,
    members,
  });
}

/** How long an upload is kept, milliseconds: as the client asks, else as its tenant sets. */
function readRetention(c: Context<AppEnv>): number {
  const text = c.req.query("retention_ms");
  if (text === undefined) return (c.get("caller").state?.settings ?? defaultSettings).fileRetentionMs;
  const isGood = /^\d{1,12}$/.test(text) && Number(text) >= HOUR && Number(text) <= RETENTION_MAX_MS;
  return isGood ? Number(text) : rejectQuery("Give retention_ms as an hour to 400 days, in milliseconds.");
}

async function listFiles(c: Context<AppEnv>): Promise<Response> {
  const { tenant } = c.get("caller");
  const query = new URL(c.req.url).searchParams;
  const filter = {
    jobId: query.get("job_id"),
    createdAfter: readTime(query, "created_after"),
    createdBefore: readTime(query, "created_before"),
  };
  const limit = readLimit(query.get("limit"));
  const bound = { tenant, list: "files", ...filter };
  const cursor = query.get("cursor");
  const after = cursor === null ? null : await readCursor(bound, cursor);
  const found = await new FileStore(c.env).list(tenant, { ...filter, after, limit: limit + 1 });
  const files = found.slice(0, limit);
  const last = files.at(-1);
  const next = found.length > limit && last ? await writeCursor(bound, last) : null;
  return c.json({ data: files.map(fileView), next_cursor: next }, 200, {
    ...NO_STORE,
    ...(next !== null && { Link: nextLink(c, next) }),
  });
}

/** A file as answers have it. */
export function fileView({ id, size, contentType, sha256, jobId, createdAt, purgeAt }: StoredFile) {
  return {
    id,
    size,
    content_type: contentType,
    sha256,
    job_id: jobId,
    created_at: formatTime(createdAt),
    purge_at: purgeAt === null ? null : formatTime(purgeAt),
  };
}
