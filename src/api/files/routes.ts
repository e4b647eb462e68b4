/** The routes of the file store: upload, read, delete. The body is the file, byte for byte; nothing is interpreted. */

import { Hono } from "hono";
import { FileStore, type StoredFile, UPLOAD_BYTES_MAX } from "../../files/store.ts";
import { isId } from "../../lib/id.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { entityTag, fileResponse } from "./response.ts";

/** A media type with its parameters (RFC 9110 section 8.3.1), as far as it is kept and given back. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[\t ]*(;[\t -~]*)?$/;
const MEDIA_TYPE_CHARS_MAX = 200;

export function fileRoutes() {
  const routes = new Hono<AppEnv>();

  routes.post("/files", requireScope("jobs:write"), async (c) => {
    const contentType = c.req.header("Content-Type") ?? "application/octet-stream";
    if (contentType.length > MEDIA_TYPE_CHARS_MAX || !MEDIA_TYPE.test(contentType)) {
      throw new Problem("malformed_request", { detail: "The header Content-Type is not a media type." });
    }
    if (Number(c.req.header("Content-Length") ?? 0) > UPLOAD_BYTES_MAX)
      throw new Problem("payload_too_large");
    const created = await new FileStore(c.env).create({
      tenant: c.get("caller").tenant,
      jobId: null,
      contentType,
      chunks: c.req.raw.body ?? noBytes(),
      bytesMax: UPLOAD_BYTES_MAX,
    });
    if (!created.ok) throw new Problem("payload_too_large");
    const { file } = created;
    return c.json({ data: fileView(file) }, 201, { Location: `/v1/files/${file.id}`, ETag: entityTag(file) });
  });

  routes.get("/files/:id", requireScope("jobs:read"), (c) => fileResponse(c, c.req.param("id")));

  routes.delete("/files/:id", requireScope("jobs:write"), async (c) => {
    const id = c.req.param("id");
    const wasThere = isId("file", id) && (await new FileStore(c.env).delete(c.get("caller").tenant, id));
    if (!wasThere) throw new Problem("not_found");
    return c.body(null, 204, { "Cache-Control": "no-store" });
  });

  return routes;
}

function fileView({ id, size, contentType, sha256, createdAt }: StoredFile) {
  const created_at = formatTime(createdAt);
  return { id, size, content_type: contentType, sha256, created_at };
}

/** A request without a body uploads an empty file. */
async function* noBytes(): AsyncGenerator<Uint8Array> {}
