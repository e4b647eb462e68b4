/** The routes of the file store: upload, read, delete. The body is the file, byte for byte; nothing is interpreted. */

import { Hono } from "hono";
import { MINUTE } from "../../core/time.ts";
import { FileStore, UPLOAD_BYTES_MAX } from "../../files/store.ts";
import { isId } from "../../lib/id.ts";
import type { StoredFile } from "../../rpc/files.ts";
import { formatTime } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { requireScope } from "../middleware/authenticate.ts";
import { Problem } from "../problems.ts";
import { bodyChunks } from "../request/body.ts";
import { entityTag, fileResponse } from "./response.ts";
import { countUpload, readContentType } from "./upload.ts";

/** 100 MiB take half an hour at 500 kbit/s. */
const UPLOAD_PATIENCE = { idleMs: 30_000, totalMs: 30 * MINUTE };

export function fileRoutes() {
  const routes = new Hono<AppEnv>();

  routes.post("/files", requireScope("jobs:write"), async (c) => {
    const contentType = readContentType(c);
    const declared = c.req.header("Content-Length");
    const bytes = declared === undefined ? undefined : Number(declared);
    if (bytes !== undefined && bytes > UPLOAD_BYTES_MAX) throw new Problem("payload_too_large");
    const created = await countUpload(c, () =>
      new FileStore(c.env).create({
        tenant: c.get("caller").tenant,
        jobId: null,
        contentType,
        chunks: bodyChunks(c, UPLOAD_PATIENCE),
        bytes,
        bytesMax: UPLOAD_BYTES_MAX,
      }),
    );
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
