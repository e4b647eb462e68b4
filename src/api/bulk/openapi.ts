/** Bulk actions in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { SubmittedSchema } from "../jobs/schemas.ts";
import {
  idempotencyKey,
  jsonBody,
  jsonResponse,
  preferWait,
  problemResponses,
  submittedResponse,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { BulkCountSchema, BulkRequestSchema } from "./schemas.ts";

export const bulkPaths: ZodOpenApiPathsObject = {
  "/v1/bulk": {
    post: {
      operationId: "submitBulk",
      summary: "Cancel, replay or delete all jobs that a filter chooses",
      description:
        "Answers a job of type `jobs.bulk`, whose progress counts the jobs done and which can be cancelled. With " +
        "`dry_run`, only counts. Jobs in a state in which the action makes no sense are left out, and so are jobs of " +
        "type `jobs.bulk`. A tenant has at most one unfinished bulk job per action.",
      tags: ["Jobs"],
      requestParams: { header: z.object({ "Idempotency-Key": idempotencyKey, Prefer: preferWait }) },
      requestBody: jsonBody(BulkRequestSchema, true),
      responses: {
        "200": jsonResponse(
          "The count, or, within the time the client preferred to wait, the finished job",
          z.union([envelope(BulkCountSchema), SubmittedSchema]),
        ),
        "202": submittedResponse("Accepted"),
        ...problemResponses(
          "malformed_request",
          "invalid_idempotency_key",
          "payload_too_large",
          "request_timeout",
          "unsupported_media_type",
          "invalid_request",
          "quota_exceeded",
          "storage_quota_exceeded",
          "idempotency_key_reused",
          "duplicate_job",
        ),
      },
    },
  },
};
