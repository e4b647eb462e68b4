/** The file store in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  bytesResponse,
  emptyResponse,
  fileResponseHeaders,
  idInPath,
  ifNoneMatch,
  jsonResponse,
  nextPageHeader,
  pageQuery,
  problemResponses,
  rangeResponseHeaders,
  sameFileHeaders,
  timeParameter,
} from "../openapi/parts.ts";
import { envelope, FileIdSchema } from "../schemas.ts";
import { FilePageSchema, StoredFileSchema } from "./schemas.ts";

const filePath = z.object({ id: idInPath(FileIdSchema) });
const binary = z.string().meta({ format: "binary" });
/** The body's own type is stored and answered again; any may be sent, the first is what imports read. */
const uploads = {
  "text/csv": { schema: binary },
  "application/octet-stream": { schema: binary },
  "*/*": { schema: binary },
};
const range = z.object({
  Range: z.string().optional().meta({ description: "One range of bytes, such as bytes=0-1023" }),
  "If-None-Match": ifNoneMatch,
});

export const filePaths: ZodOpenApiPathsObject = {
  "/v1/files": {
    get: {
      operationId: "listFiles",
      summary: "List files, newest first",
      tags: ["Files"],
      requestParams: {
        query: z.object({
          job_id: z.string().optional().meta({ description: "Only what this job produced" }),
          created_after: timeParameter("Only files stored at this time or later"),
          created_before: timeParameter("Only files stored earlier than this"),
          ...pageQuery.shape,
        }),
      },
      responses: {
        "200": jsonResponse("A page of files", FilePageSchema, nextPageHeader),
        ...problemResponses("malformed_request", "invalid_cursor"),
      },
    },
    post: {
      operationId: "uploadFile",
      summary: "Store a file",
      tags: ["Files"],
      requestParams: {
        query: z.object({
          retention_ms: z.int().optional().meta({
            description: "How long it is kept: an hour to 400 days; default 30 days, or as the tenant sets",
          }),
        }),
      },
      requestBody: { required: true, content: uploads },
      responses: {
        "201": jsonResponse("Stored", envelope(StoredFileSchema), {
          Location: z.string().meta({ description: "The file's URL" }),
        }),
        ...problemResponses(
          "malformed_request",
          "request_timeout",
          "payload_too_large",
          "unsupported_media_type",
          "storage_quota_exceeded",
          "token_expired",
          "attempt_over",
        ),
      },
    },
  },
  "/v1/files/{id}": {
    get: {
      operationId: "downloadFile",
      summary: "Read a file",
      tags: ["Files"],
      requestParams: { path: filePath, header: range },
      responses: {
        "200": bytesResponse("The file", fileResponseHeaders),
        "206": bytesResponse("The range", rangeResponseHeaders),
        "304": emptyResponse("The file is still the one you have", sameFileHeaders),
        ...problemResponses("not_found", "range_not_satisfiable", "attempt_over"),
      },
    },
    delete: {
      operationId: "deleteFile",
      summary: "Delete a file",
      tags: ["Files"],
      requestParams: { path: filePath },
      responses: { "204": emptyResponse("Gone"), ...problemResponses("not_found") },
    },
  },
};
