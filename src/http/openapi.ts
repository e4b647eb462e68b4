/** The OpenAPI 3.1 document, generated from the very schemas the routes check. */

import { z } from "zod";
import { createDocument, type ZodOpenApiPathsObject } from "zod-openapi";
import type { JobTypes } from "../job-types/define.ts";
import {
  acceptedHeaders,
  bytes,
  empty,
  fileHeaders,
  job,
  jobHeaders,
  json,
  problems,
  problemsWithoutKey,
} from "./openapi-parts.ts";
import {
  CancelRequest,
  dataOf,
  FileId,
  JobEvent,
  JobId,
  JobTypeView,
  ReplayRequest,
  StoredFile,
  SubmitRequest,
} from "./schemas.ts";

const idempotencyKey = z.string().optional().meta({
  description: "Makes it safe to repeat the request: the same key and body always mean the same job",
  example: "order-4711",
});
const ifNoneMatch = z.string().optional().meta({ description: "Answers 304 if the version is still this" });
const ifMatch = z.string().optional().meta({ description: "Answers 412 unless the version is still this" });
const jobPath = z.object({ id: JobId });
const filePath = z.object({ id: FileId });
const jsonBody = (schema: z.ZodType, required: boolean) => ({
  required,
  content: { "application/json": { schema } },
});
const binary = z.string().meta({ format: "binary" });

const jobPaths: ZodOpenApiPathsObject = {
  "/v1/jobs": {
    post: {
      operationId: "submitJob",
      summary: "Submit a job",
      tags: ["Jobs"],
      requestParams: { header: z.object({ "Idempotency-Key": idempotencyKey }) },
      requestBody: jsonBody(SubmitRequest, true),
      responses: {
        "202": job("Accepted: stored, and will be worked on", acceptedHeaders),
        ...problems(
          "malformed_request",
          "invalid_idempotency_key",
          "unique_conflict",
          "payload_too_large",
          "unsupported_media_type",
          "invalid_request",
          "unknown_job_type",
          "idempotency_key_reused",
        ),
      },
    },
  },
  "/v1/jobs/{id}": {
    get: {
      operationId: "getJob",
      summary: "Read a job's status",
      tags: ["Jobs"],
      requestParams: { path: jobPath, header: z.object({ "If-None-Match": ifNoneMatch }) },
      responses: {
        "200": job("The job, whatever its status"),
        "304": empty("The version is still the one you have", jobHeaders),
        ...problems("not_found"),
      },
    },
    delete: {
      operationId: "deleteJob",
      summary: "Delete a finished job and everything of it",
      tags: ["Jobs"],
      requestParams: { path: jobPath },
      responses: { "204": empty("Gone"), ...problems("not_found", "job_not_finished") },
    },
  },
  "/v1/jobs/{id}/cancel": {
    post: {
      operationId: "cancelJob",
      summary: "Cancel a job that has not finished",
      tags: ["Jobs"],
      requestParams: { path: jobPath, header: z.object({ "If-Match": ifMatch }) },
      requestBody: jsonBody(CancelRequest, false),
      responses: {
        "200": job("The job, cancelled"),
        ...problems(
          "malformed_request",
          "not_found",
          "job_not_cancellable",
          "precondition_failed",
          "payload_too_large",
          "unsupported_media_type",
          "invalid_request",
        ),
      },
    },
  },
  "/v1/jobs/{id}/replay": {
    post: {
      operationId: "replayJob",
      summary: "Submit a finished job once more, as a new job",
      tags: ["Jobs"],
      requestParams: { path: jobPath, header: z.object({ "Idempotency-Key": idempotencyKey }) },
      requestBody: jsonBody(ReplayRequest, false),
      responses: {
        "202": job("The new job", acceptedHeaders),
        ...problems(
          "malformed_request",
          "invalid_idempotency_key",
          "not_found",
          "job_not_finished",
          "payload_too_large",
          "unsupported_media_type",
          "invalid_request",
          "unknown_job_type",
          "idempotency_key_reused",
        ),
      },
    },
  },
};

const followPaths: ZodOpenApiPathsObject = {
  "/v1/jobs/{id}/events": {
    get: {
      operationId: "listJobEvents",
      summary: "What happened to a job, oldest first",
      tags: ["Following"],
      requestParams: {
        path: jobPath,
        query: z.object({
          after: z.int().min(0).optional().meta({ description: "Only events after this seq" }),
        }),
      },
      responses: {
        "200": json("The events", dataOf(z.array(JobEvent))),
        ...problems("malformed_request", "not_found"),
      },
    },
  },
  "/v1/jobs/{id}/result": {
    get: {
      operationId: "getJobResult",
      summary: "The result itself",
      tags: ["Following"],
      requestParams: { path: jobPath },
      responses: {
        "200": bytes("The result as JSON, or the file that is the result", {
          ETag: z.string().meta({ description: "The version of the job, or the SHA-256 of the file" }),
        }),
        "202": job("Not finished yet"),
        "206": bytes("A range of the file that is the result", fileHeaders),
        "304": empty("The file is still the one you have", fileHeaders),
        ...problems("not_found", "job_without_result", "range_not_satisfiable"),
      },
    },
  },
};

const typePaths: ZodOpenApiPathsObject = {
  "/v1/job-types": {
    get: {
      operationId: "listJobTypes",
      summary: "The job types there are",
      tags: ["Job types"],
      responses: { "200": json("All of them", dataOf(z.array(JobTypeView))), ...problems() },
    },
  },
  "/v1/job-types/{type}": {
    get: {
      operationId: "getJobType",
      summary: "One job type",
      tags: ["Job types"],
      requestParams: { path: z.object({ type: z.string().meta({ example: "csv.import" }) }) },
      responses: { "200": json("The job type", dataOf(JobTypeView)), ...problems("not_found") },
    },
  },
};

const range = z.object({
  Range: z.string().optional().meta({ description: "One range of bytes", example: "bytes=0-1023" }),
  "If-None-Match": ifNoneMatch,
});

const filePaths: ZodOpenApiPathsObject = {
  "/v1/files": {
    post: {
      operationId: "uploadFile",
      summary: "Store a file",
      tags: ["Files"],
      requestBody: { required: true, content: { "*/*": { schema: binary } } },
      responses: {
        "201": json("Stored", dataOf(StoredFile), {
          Location: z.string().meta({ description: "The file's URL" }),
        }),
        ...problems("malformed_request", "payload_too_large"),
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
        "200": bytes("The file", fileHeaders),
        "206": bytes("The range", fileHeaders),
        "304": empty("The file is still the one you have", fileHeaders),
        ...problems("not_found", "range_not_satisfiable"),
      },
    },
    delete: {
      operationId: "deleteFile",
      summary: "Delete a file",
      tags: ["Files"],
      requestParams: { path: filePath },
      responses: { "204": empty("Gone"), ...problems("not_found") },
    },
  },
};

const servicePaths: ZodOpenApiPathsObject = {
  "/v1/health": {
    get: {
      operationId: "getHealth",
      summary: "Whether the service answers",
      tags: ["Service"],
      security: [],
      responses: { "200": json("It does", dataOf(z.object({ status: z.literal("ok") }))) },
    },
  },
  "/openapi.json": {
    get: {
      operationId: "getOpenApiDocument",
      summary: "This document",
      tags: ["Service"],
      security: [],
      responses: { "200": json("OpenAPI 3.1", z.record(z.string(), z.unknown())) },
    },
  },
  "/problems/{code}": {
    get: {
      operationId: "explainProblem",
      summary: "What a problem means and what to do about it",
      tags: ["Service"],
      security: [],
      requestParams: { path: z.object({ code: z.string().meta({ example: "rate_limited" }) }) },
      responses: {
        "200": { ...empty("A page for people"), content: { "text/html": { schema: z.string() } } },
        ...problemsWithoutKey("not_found"),
      },
    },
  },
};

const tags = [
  { name: "Jobs", description: "Submit work, see where it stands, stop it, repeat it, remove it" },
  { name: "Following", description: "What happened to a job, and what came of it" },
  { name: "Job types", description: "What work there is, and what it takes" },
  { name: "Files", description: "What jobs read and what they produce" },
  { name: "Service", description: "The service itself; needs no key" },
];

/** The document for a deployment at `origin` with these job types. */
export function openApiDocument(types: JobTypes, origin: string) {
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Accepted",
      version: "1.0.0",
      description: `Long-running work over HTTP: post it, follow it, know how it ended. Job types: ${[...types.keys()].join(", ")}.`,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: origin }],
    security: [{ apiKey: [] }],
    tags,
    paths: { ...jobPaths, ...followPaths, ...typePaths, ...filePaths, ...servicePaths },
    components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer" } } },
  });
}
