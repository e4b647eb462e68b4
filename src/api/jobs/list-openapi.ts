/** The list of jobs in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiOperationObject } from "zod-openapi";
import { jobStatuses } from "../../core/job.ts";
import {
  jsonResponse,
  nextPageHeader,
  pageQuery,
  problemResponses,
  timeParameter,
} from "../openapi/parts.ts";
import { JobPageSchema } from "./schemas.ts";

const listQuery = z.object({
  status: z
    .array(z.enum(jobStatuses))
    .optional()
    .meta({ description: "May be repeated: jobs in any of them" }),
  type: z.array(z.string()).optional().meta({ description: "May be repeated: jobs of any of them" }),
  created_after: timeParameter("Only jobs accepted at this time or later"),
  created_before: timeParameter("Only jobs accepted earlier than this"),
  metadata: z
    .record(z.string(), z.string())
    .optional()
    .meta({
      description: "As `metadata[key]=value`, once per key: jobs that have all of these pairs",
      param: { style: "deepObject", explode: true },
    }),
  ...pageQuery.shape,
});

/** `GET /v1/jobs`. */
export const listJobsOperation: ZodOpenApiOperationObject = {
  operationId: "listJobs",
  summary: "List jobs, newest first",
  description:
    "Following next_cursor visits every job that existed at the start exactly once. A page may be short, or empty, " +
    "and yet have a next one.",
  tags: ["Jobs"],
  requestParams: { query: listQuery },
  responses: {
    "200": jsonResponse("A page of jobs", JobPageSchema, nextPageHeader),
    ...problemResponses("malformed_request", "invalid_cursor"),
  },
};
