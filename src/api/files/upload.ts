/** Uploads: what a body may be, and how many may be under way at once. */

import type { Context } from "hono";
import { log } from "../../lib/log.ts";
import type { UploadToken } from "../../tenants/tokens.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";
import { mediaType, rejectEncoded } from "../request/body.ts";

/** A media type with its parameters (RFC 9110 section 8.3.1), as far as it is kept and given back. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[\t ]*(;[\t -~]*)?$/;
const MEDIA_TYPE_CHARS_MAX = 200;

/** An upload of unknown length has up to 5 MiB in memory, and an isolate has 128 MiB for all it does. */
const UPLOADS_MAX = 12;
const UPLOADS_PER_KEY_MAX = 6;
const BUSY_RETRY_SECONDS = 5;

const underWay = new Map<string, number>();

/** The Content-Type to keep. Throws for a coding, for a form, and for a type that no reader could interpret. */
export function readContentType(c: Context<AppEnv>): string {
  rejectEncoded(c);
  const contentType = c.req.header("Content-Type") ?? "application/octet-stream";
  if (!isMediaType(contentType))
    throw new Problem("malformed_request", { detail: "The header Content-Type is not a media type." });
  const type = mediaType(c) ?? "";
  if (type.startsWith("multipart/") || type === "application/x-www-form-urlencoded")
    throw new Problem("unsupported_media_type", {
      detail:
        "Send the file itself as the body, with curl -H 'Content-Type: text/csv' --data-binary @file.csv, and not a form.",
    });
  if (!isKnownCharset(contentType))
    throw new Problem("unsupported_media_type", { detail: "Send the file in a charset such as utf-8." });
  return contentType;
}

/** Whether a text is a media type that is kept. */
export function isMediaType(text: string): boolean {
  return text.length <= MEDIA_TYPE_CHARS_MAX && MEDIA_TYPE.test(text);
}

/** Throws `forbidden` for a type that the upload token does not allow. */
export function assertAllowedType(token: UploadToken | null, contentType: string): void {
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  if (token?.contentTypes && !token.contentTypes.includes(type))
    throw new Problem("forbidden", { detail: `This token allows ${token.contentTypes.join(", ")} only.` });
}

/** Whether a later reader can decode what the type says of itself. */
function isKnownCharset(contentType: string): boolean {
  const parameter = contentType
    .split(";")
    .slice(1)
    .map((text) => text.split("="))
    .find(([name]) => name?.trim().toLowerCase() === "charset");
  if (!parameter) return true;
  try {
    new TextDecoder((parameter[1] ?? "").trim().replaceAll('"', ""));
    return true;
  } catch {
    return false;
  }
}

/** Runs `act` as one of the few uploads that this isolate takes at once. Throws `unavailable` beyond. */
export async function countUpload<T>(c: Context<AppEnv>, act: () => Promise<T>): Promise<T> {
  const { keyId } = c.get("caller");
  const own = underWay.get(keyId) ?? 0;
  const all = [...underWay.values()].reduce((sum, count) => sum + count, 0);
  if (own >= UPLOADS_PER_KEY_MAX || all >= UPLOADS_MAX) {
    log("warn", "uploads_full", { request_id: c.get("requestId"), key_id: keyId });
    throw new Problem("unavailable", { headers: { "Retry-After": String(BUSY_RETRY_SECONDS) } });
  }
  underWay.set(keyId, own + 1);
  try {
    return await act();
  } finally {
    const left = (underWay.get(keyId) ?? 1) - 1;
    if (left === 0) underWay.delete(keyId);
    else underWay.set(keyId, left);
  }
}
