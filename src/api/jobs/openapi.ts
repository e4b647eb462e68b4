/** Single jobs in the OpenAPI document: submit, read, cancel, replay, delete. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import type { JobType, JobTypes } from "../../job-types/define.ts";
import { ReplayRequestSchema, SubmitRequestSchema } from "../../submission/request.ts";
import {
  emptyResponse,
  idempotencyKey,
  ifNoneMatch,
  jobPath,
  jobResponse,
  jobResponseHeaders,
  jsonBody,
  jsonResponse,
  preferWait,
  problemResponses,
  submittedResponse,
  waitHeaders,
} from "../openapi/parts.ts";
import { webhookCallback } from "../webhooks/openapi.ts";
import { listJobsOperation } from "./list-openapi.ts";
import { CancelRequestSchema } from "./schemas.ts";

const ifMatch = z.string().optional().meta({ description: "Answers 412 unless the version is still this" });

/** This type needs no other resource, so its example comes first. */
const FIRST_TYPE = "test.simulate";

/** A body to submit for each type, by its name. */
function submissionExamples(types: JobTypes) {
  const isFirst = ({ type }: JobType) => Number(type === FIRST_TYPE);
  const sorted = [...types.values()].sort((a, b) => isFirst(b) - isFirst(a));
  return Object.fromEntries(
    sorted.map(({ type, description, example }) => [
      type,
      { summary: type, description, value: { type, input: example } },
    ]),
  );
}

/** Submitting jobs of these types, and listing jobs. */
export const submitPaths = (types: JobTypes): ZodOpenApiPathsObject => ({
  "/v1/jobs": {
    get: listJobsOperation,
    post: {
      operationId: "submitJob",
      summary: "Submit a job",
      tags: ["Jobs"],
      requestParams: { header: z.object({ "Idempotency-Key": idempotencyKey, Prefer: preferWait }) },
      requestBody: jsonBody(SubmitRequestSchema, true, submissionExamples(types)),
      callbacks: { webhook: webhookCallback },
      responses: {
        "200": submittedResponse("Finished within the time the client preferred to wait"),
        "202": submittedResponse("Accepted: stored, and will be worked on"),
        ...problemResponses(
          "malformed_request",
          "invalid_idempotency_key",
          "duplicate_job",
          "payload_too_large",
          "request_timeout",
          "unsupported_media_type",
          "invalid_request",
          "quota_exceeded",
          "backlog_full",
          "storage_quota_exceeded",
          "unknown_job_type",
          "idempotency_key_reused",
          "duplicate_job",
        ),
      },
    },
  },
});

/** The operations on single jobs. */
export const jobPaths: ZodOpenApiPathsObject = {
  "/v1/jobs/{id}": {
    get: {
      operationId: "getJob",
      summary: "Read a job's status",
      tags: ["Jobs"],
      requestParams: {
        path: jobPath,
        header: z.object({ "If-None-Match": ifNoneMatch, Prefer: preferWait }),
      },
      responses: {
        "200": jobResponse("The job, whatever its status", { ...jobResponseHeaders, ...waitHeaders }),
        "304": emptyResponse("The version is still the one you have", {
          ...jobResponseHeaders,
          ...waitHeaders,
        }),
        ...problemResponses("not_found"),
      },
    },
    delete: {
      operationId: "deleteJob",
      summary: "Delete a finished job and everything of it",
      tags: ["Jobs"],
      requestParams: { path: jobPath },
      responses: { "204": emptyResponse("Gone"), ...problemResponses("not_found", "job_not_finished") },
    },
  },
  "/v1/jobs/{id}/input": {
    get: {
      operationId: "getJobInput",
      summary: "The input of a job, of any size",
      tags: ["Jobs"],
      requestParams: { path: jobPath },
      responses: {
        "200": jsonResponse("As submitted", z.unknown()),
        ...problemResponses("not_found"),
      },
    },
  },
  "/v1/jobs/{id}/cancel": {
    post: {
      operationId: "cancelJob",
      summary: "Cancel a job that has not finished",
      tags: ["Jobs"],
      requestParams: { path: jobPath, header: z.object({ "If-Match": ifMatch }) },
      requestBody: jsonBody(CancelRequestSchema, false),
      responses: {
        "200": jobResponse("The job, cancelled"),
        ...problemResponses(
          "malformed_request",
          "not_found",
          "job_not_cancellable",
          "precondition_failed",
          "payload_too_large",
          "request_timeout",
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
      description:
        "What the body names replaces what the job had; all else is kept, within the present limits of its type.",
      requestParams: {
        path: jobPath,
        header: z.object({ "Idempotency-Key": idempotencyKey, Prefer: preferWait }),
      },
      requestBody: jsonBody(ReplayRequestSchema, false),
      responses: {
        "200": submittedResponse("Finished within the time the client preferred to wait"),
        "202": submittedResponse("The new job"),
        ...problemResponses(
          "malformed_request",
          "invalid_idempotency_key",
          "not_found",
          "job_not_finished",
          "payload_too_large",
          "request_timeout",
          "unsupported_media_type",
          "invalid_request",
          "quota_exceeded",
          "backlog_full",
          "storage_quota_exceeded",
          "unknown_job_type",
          "idempotency_key_reused",
          "duplicate_job",
        ),
      },
    },
  },
};
