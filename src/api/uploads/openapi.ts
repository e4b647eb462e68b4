/** Uploads in parts in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { StoredFileSchema } from "../files/schemas.ts";
import {
  emptyResponse,
  idInPath,
  jsonBody,
  jsonBodyProblems,
  jsonResponse,
  locationHeader,
  problemResponses,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import {
  BeginUploadRequestSchema,
  CompleteUploadRequestSchema,
  OpenUploadSchema,
  UploadIdSchema,
  UploadPartSchema,
  UploadSchema,
} from "./schemas.ts";

const inFiles = { tags: ["Files"] };
const uploadPath = z.object({ id: idInPath(UploadIdSchema) });
const tokenProblems = ["token_expired", "attempt_over"] as const;

export const uploadPaths: ZodOpenApiPathsObject = {
  "/v1/uploads": {
    get: {
      operationId: "listUploads",
      summary: "The uploads that are not completed",
      ...inFiles,
      responses: {
        "200": jsonResponse("All of them", envelope(z.array(OpenUploadSchema))),
        ...problemResponses(),
      },
    },
    post: {
      operationId: "beginUpload",
      summary: "Begin an upload in parts, of a file up to 100 GiB",
      ...inFiles,
      requestBody: jsonBody(BeginUploadRequestSchema, true, {
        video: { value: { content_type: "video/mp4" } },
      }),
      responses: {
        "201": jsonResponse("Begun", envelope(UploadSchema), locationHeader("The upload's URL")),
        ...problemResponses(
          ...tokenProblems,
          "quota_exceeded",
          "storage_quota_exceeded",
          ...jsonBodyProblems,
        ),
      },
    },
  },
  "/v1/uploads/{id}": {
    get: {
      operationId: "getUpload",
      summary: "One upload with the parts that are stored, to resume it",
      ...inFiles,
      requestParams: { path: uploadPath },
      responses: {
        "200": jsonResponse("The upload", envelope(UploadSchema)),
        ...problemResponses("not_found", ...tokenProblems),
      },
    },
    delete: {
      operationId: "deleteUpload",
      summary: "Give an upload up; its parts are gone",
      ...inFiles,
      requestParams: { path: uploadPath },
      responses: { "204": emptyResponse("Gone"), ...problemResponses("not_found", ...tokenProblems) },
    },
  },
  "/v1/uploads/{id}/parts/{number}": {
    put: {
      operationId: "putUploadPart",
      summary: "Send a part: in any order, in parallel, and again",
      ...inFiles,
      requestParams: {
        path: uploadPath.extend({ number: z.string().meta({ description: "From 1 to 1600" }) }),
      },
      requestBody: {
        required: true,
        content: { "application/octet-stream": { schema: z.string().meta({ format: "binary" }) } },
      },
      responses: {
        "200": jsonResponse("Stored", envelope(UploadPartSchema)),
        ...problemResponses(
          "not_found",
          ...tokenProblems,
          "request_timeout",
          "length_required",
          "payload_too_large",
          "unsupported_media_type",
          "storage_quota_exceeded",
        ),
      },
    },
  },
  "/v1/uploads/{id}/complete": {
    post: {
      operationId: "completeUpload",
      summary: "Make the file of its parts",
      ...inFiles,
      requestParams: { path: uploadPath },
      requestBody: jsonBody(CompleteUploadRequestSchema, true, { two: { value: { part_count: 2 } } }),
      responses: {
        "200": jsonResponse(
          "It was completed before",
          envelope(StoredFileSchema),
          locationHeader("The file"),
        ),
        "201": jsonResponse("The file", envelope(StoredFileSchema), locationHeader("The file")),
        ...problemResponses("not_found", ...tokenProblems, "upload_incomplete", ...jsonBodyProblems),
      },
    },
  },
};
