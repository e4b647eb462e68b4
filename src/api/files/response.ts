/** Answers with a stored file, whole or in part (RFC 9110 sections 13 and 14). The bytes only pass through. */

import type { Context } from "hono";
import { FileStore } from "../../files/store.ts";
import { isId } from "../../lib/id.ts";
import { withRetry } from "../../lib/retry.ts";
import type { StoredFile } from "../../rpc/files.ts";
import { jobObject } from "../../rpc/job.ts";
import type { AppEnv } from "../app-env.ts";
import { attemptOver } from "../attempts/token.ts";
import { Problem } from "../problems.ts";
import { matchesWeakly } from "../request/headers.ts";

/**
 * A file never changes but may be deleted, so caches must revalidate. `no-transform` keeps proxies from compressing
 * it, which would break its ETag.
 */
const FILE_CACHE = "private, no-cache, no-transform";

/** A single range is shorter by far. */
const RANGE_CHARS_MAX = 100;

type Part = { offset: number; length: number };

/** The strong entity tag of a file: its digest, or without one its id, for a file never changes. */
export function entityTag(file: StoredFile): string {
  return `"${tagOf(file)}"`;
}

function tagOf({ sha256, id }: StoredFile): string {
  return sha256 ?? id;
}

/**
 * The file of the caller's tenant: 200, 206 for a range, 304 if the caller has it; the headers alone for HEAD.
 * Throws `not_found`, or `range_not_satisfiable` for a range beyond its end.
 */
export async function fileResponse(c: Context<AppEnv>, fileId: string): Promise<Response> {
  const store = new FileStore(c.env);
  const { tenant } = c.get("caller");
  const file = isId("file", fileId) ? await store.find(tenant, fileId) : null;
  if (!file || !(await mayRead(c, file))) throw new Problem("not_found");
  if (matchesWeakly(c.req.header("If-None-Match"), tagOf(file))) {
    return c.body(null, 304, { ETag: entityTag(file), "Cache-Control": FILE_CACHE });
  }
  const part = c.req.method === "GET" ? wantedPart(c, file) : null;
  const headers = fileHeaders(file, part);
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  const body = await store.read(tenant, file, part ?? { offset: 0 });
  if (!body) throw new Problem("not_found");
  return c.body(body, part ? 206 : 200, headers);
}

/** A token for a job knows what the job produced; a running attempt also what its input or its checkpoint names. */
async function mayRead(c: Context<AppEnv>, { id, jobId }: StoredFile): Promise<boolean> {
  const { token } = c.get("caller");
  if (!token) return true;
  if (token.kind !== "attempt") return token.kind === "job" && jobId === token.jobId;
  const ask = () => jobObject(c.env, token.tenant, token.jobId).mayReadFile(token.lease, id);
  const access = await withRetry(ask);
  if (!access.ok) throw attemptOver(access);
  return access.isNamed || jobId === token.jobId;
}

function fileHeaders(file: StoredFile, part: Part | null): Record<string, string> {
  return {
    "Content-Type": file.contentType,
    "Content-Length": String(part?.length ?? file.size),
    // Uploaded bytes must never run as a page of this origin.
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    ETag: entityTag(file),
    "Cache-Control": FILE_CACHE,
    ...(part && { "Content-Range": `bytes ${part.offset}-${part.offset + part.length - 1}/${file.size}` }),
  };
}

/** The part asked for; null for the whole file, also when the range is none we serve or the file is another by now. */
function wantedPart(c: Context<AppEnv>, file: StoredFile): Part | null {
  const ifRange = c.req.header("If-Range");
  if (ifRange !== undefined && ifRange.trim() !== entityTag(file)) return null;
  const part = parseRange(c.req.header("Range"), file.size);
  if (part !== "unsatisfiable") return part;
  throw new Problem("range_not_satisfiable", { headers: { "Content-Range": `bytes */${file.size}` } });
}

/** A single byte range (RFC 9110 section 14.1.2) of a file of `size` bytes. Anything else is ignored: null. */
export function parseRange(header: string | undefined, size: number): Part | "unsatisfiable" | null {
  if (header === undefined || header.length > RANGE_CHARS_MAX) return null;
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header.replaceAll(/[ \t]/g, "")) ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return null;
  const offset = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return null;
  return offset < size && last >= offset ? { offset, length: last - offset + 1 } : "unsatisfiable";
}
