/** The routes of uploads in parts: begin, send parts in any order, see what is stored, complete. */

import { type Context, Hono } from "hono";
import { MINUTE } from "../../core/time.ts";
import {
  type Completion,
  PART_SIZE,
  PARTED_BYTES_MAX,
  PartUploads,
  UPLOAD_PARTS_MAX,
} from "../../files/parts.ts";
import { isId } from "../../lib/id.ts";
import type { OpenUpload, UploadPart } from "../../rpc/files.ts";
import { formatTime } from "../../rpc/views.ts";
import { isUsedUp } from "../../tenants/quotas.ts";
import { defaultSettings } from "../../tenants/settings.ts";
import type { AppEnv } from "../app-env.ts";
import { attemptTokenOf } from "../attempts/token.ts";
import { NO_STORE } from "../cache.ts";
import { assertRoom, fileView, holdFiles } from "../files/routes.ts";
import { assertAllowedType, countUpload } from "../files/upload.ts";
import { requireScope, tokenExpired } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { bodyChunks, invalidRequest, readJson, rejectEncoded, validate } from "../request/body.ts";
import { BeginUploadRequestSchema, CompleteUploadRequestSchema } from "./schemas.ts";

/** 64 MiB take half an hour at 300 kbit/s. */
const PART_PATIENCE = { idleMs: 30_000, totalMs: 30 * MINUTE };

/** A problem lists so many missing parts; the upload itself says which are there. */
const MISSING_SHOWN = 100;

export function uploadRoutes() {
  const routes = new Hono<AppEnv>();
  const mayUpload = requireScope("files:write", "upload");

  routes.post("/uploads", mayUpload, beginUpload);
  routes.get("/uploads", requireScope("jobs:read"), async (c) => {
    const uploads = await uploadsOf(c).list();
    return c.json({ data: uploads.map(openUploadView) }, 200, NO_STORE);
  });
  routes.get("/uploads/:id", requireScope("jobs:read", "upload"), async (c) => {
    const { upload, parts } = await findUpload(c);
    return c.json({ data: uploadView(upload, parts) }, 200, NO_STORE);
  });
  routes.put("/uploads/:id/parts/:number", mayUpload, putPart);
  routes.post("/uploads/:id/complete", mayUpload, completeUpload);
  routes.delete("/uploads/:id", mayUpload, async (c) => {
    const { upload } = await findUpload(c);
    if (!(await uploadsOf(c).abort(upload.id))) throw new Problem("not_found");
    return c.body(null, 204, NO_STORE);
  });

  return routes;
}

async function beginUpload(c: Context<AppEnv>): Promise<Response> {
  const request = validate(BeginUploadRequestSchema, await readJson(c));
  const { state, used, token } = c.get("caller");
  const uploadToken = token?.kind === "upload" ? token : null;
  assertAllowedType(uploadToken, request.content_type);
  const bytesMax = Math.min(uploadToken?.maxSize ?? PARTED_BYTES_MAX, PARTED_BYTES_MAX);
  if ((request.size ?? 0) > bytesMax) throw new Problem("payload_too_large");
  assertRoom(c, request.size ?? 1);
  if (isUsedUp(state, used, "open_uploads", 1)) throw tooManyUploads(c);
  const attempt = attemptTokenOf(c);
  if (attempt) await holdFiles(c, attempt);
  const retentionMs = request.retention_ms ?? (state?.settings ?? defaultSettings).fileRetentionMs;
  const upload = await uploadsOf(c).begin({
    contentType: request.content_type,
    size: request.size ?? null,
    jobId: attempt?.jobId ?? null,
    retentionMs: attempt ? null : retentionMs,
    bytesMax,
    fileId: uploadToken?.fileId,
  });
  if (!upload) throw tokenExpired();
  return c.json({ data: uploadView(upload, []) }, 201, { ...NO_STORE, Location: `/v1/uploads/${upload.id}` });
}

function tooManyUploads(c: Context<AppEnv>): Problem {
  const { state, used } = c.get("caller");
  const [allowed, open] = [state?.settings.limits.open_uploads ?? 0, used?.open_uploads ?? 0];
  return new Problem("quota_exceeded", {
    detail: `The tenant has ${open} open uploads of ${allowed}. Complete or delete one first.`,
    members: { limit: "open_uploads", allowed, used: open },
  });
}

async function putPart(c: Context<AppEnv>): Promise<Response> {
  rejectEncoded(c);
  const number = readPartNumber(c);
  const declared = c.req.header("Content-Length");
  if (declared === undefined) throw new Problem("length_required");
  const bytes = Number(declared);
  const { upload, parts } = await findUpload(c);
  if (upload.isCompleted) throw new Problem("not_found");
  const others = parts.reduce((sum, part) => sum + (part.number === number ? 0 : part.size), 0);
  if (bytes > PART_SIZE || others + bytes > upload.bytesMax) throw new Problem("payload_too_large");
  if (bytes === 0) throw new Problem("malformed_request", { detail: "A part has at least one byte." });
  assertRoom(c, bytes);
  const attempt = attemptTokenOf(c);
  if (attempt) await holdFiles(c, attempt);
  const part = await countUpload(c, () =>
    uploadsOf(c).write(upload, number, bodyChunks(c, PART_PATIENCE), bytes),
  );
  if (!part) throw new Problem("not_found");
  return c.json({ data: partView(part) }, 200, NO_STORE);
}

async function completeUpload(c: Context<AppEnv>): Promise<Response> {
  const { part_count } = validate(CompleteUploadRequestSchema, await readJson(c));
  const { upload } = await findUpload(c);
  const attempt = attemptTokenOf(c);
  if (attempt) await holdFiles(c, attempt);
  const done = await uploadsOf(c).complete(upload.id, part_count);
  if (!("file" in done)) throw completionProblem(done);
  const { file, kind } = done;
  return c.json({ data: fileView(file) }, kind === "completed" ? 201 : 200, {
    ...NO_STORE,
    Location: `/v1/files/${file.id}`,
  });
}

function completionProblem(done: Exclude<Completion, { file: unknown }>): Problem {
  switch (done.kind) {
    case "not_found":
      return new Problem("not_found");
    case "incomplete":
      return new Problem("upload_incomplete", {
        members: { missing_parts: done.missing.slice(0, MISSING_SHOWN) },
      });
    case "wrong_size": {
      const detail =
        done.part === null
          ? "The parts together do not have the size that was declared."
          : `Part ${done.part} is not the last and has fewer than ${PART_SIZE} bytes.`;
      return invalidRequest([{ pointer: "#/part_count", detail }]);
    }
  }
}

/** The upload of the path. Throws `not_found` for one that the token is not for. */
async function findUpload(c: Context<AppEnv>): Promise<{ upload: OpenUpload; parts: UploadPart[] }> {
  const id = c.req.param("id") ?? "";
  const found = isId("upload", id) ? await uploadsOf(c).find(id) : null;
  if (!found || !isOwnUpload(c, found.upload)) throw new Problem("not_found");
  return found;
}

function isOwnUpload(c: Context<AppEnv>, { id, jobId }: OpenUpload): boolean {
  const { token } = c.get("caller");
  if (!token) return true;
  if (token.kind === "attempt") return jobId === token.jobId;
  return token.kind === "upload" && id.slice("upload_".length) === token.fileId.slice("file_".length);
}

function readPartNumber(c: Context<AppEnv>): number {
  const text = c.req.param("number") ?? "";
  const number = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= UPLOAD_PARTS_MAX) return number;
  throw new Problem("malformed_request", { detail: `Parts are numbered from 1 to ${UPLOAD_PARTS_MAX}.` });
}

function uploadsOf(c: Context<AppEnv>): PartUploads {
  return new PartUploads(c.env, c.get("caller").tenant);
}

function openUploadView({ id, contentType, size, createdAt, expiresAt }: OpenUpload) {
  return {
    id,
    content_type: contentType,
    size,
    part_size: PART_SIZE,
    max_parts: UPLOAD_PARTS_MAX,
    created_at: formatTime(createdAt),
    expires_at: formatTime(expiresAt),
  };
}

function uploadView(upload: OpenUpload, parts: readonly UploadPart[]) {
  return { ...openUploadView(upload), parts: parts.map(partView) };
}

function partView({ number, size, sha256 }: UploadPart) {
  return { number, size, sha256 };
}
