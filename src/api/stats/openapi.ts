/** What the OpenAPI document says of many jobs: the list, and the sums per hour. */

import { z } from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from "zod-openapi";
import { jobStatuses } from "../../core/job.ts";
import {
  idempotencyKey,
  jsonBody,
  jsonResponse,
  preferWait,
  problemResponses,
  submittedResponse,
} from "../openapi/parts.ts";
import { PAGE_DEFAULT, PAGE_MAX } from "../request/query.ts";
import { envelope, SubmittedSchema } from "../schemas.ts";
import { BulkCountSchema, BulkRequestSchema, HourStatsSchema, JobPageSchema } from "./schemas.ts";

const at = (description: string) =>
  z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: `${description}; such as 2026-11-22T12:00:00Z` });

const listQuery = z.object({
  status: z
    .array(z.enum(jobStatuses))
    .optional()
    .meta({ description: "May be repeated: jobs in any of them" }),
  type: z.array(z.string()).optional().meta({ description: "May be repeated: jobs of any of them" }),
  created_after: at("Only jobs made later than this"),
  created_before: at("Only jobs made earlier than this"),
  limit: z
    .int()
    .min(1)
    .optional()
    .meta({
      description: `Most jobs on a page: ${PAGE_DEFAULT} if not said, ${PAGE_MAX} if more is asked for`,
    }),
  cursor: z
    .string()
    .optional()
    .meta({ description: "The next_cursor of the page before, with the same filter" }),
});

/** `GET /v1/jobs`. */
export const listJobs: ZodOpenApiOperationObject = {
  operationId: "listJobs",
  summary: "List jobs, newest first",
  description:
    "Following next_cursor meets every job that existed at the start exactly once. Jobs with certain metadata are " +
    "asked for by `metadata.<key>=<value>`, once per key; a job must have all of them. A page may be short, or " +
    "empty, and yet have a next one.",
  tags: ["Jobs"],
  requestParams: { query: listQuery },
  responses: {
    "200": jsonResponse("A page of jobs", JobPageSchema, {
      Link: z
        .string()
        .optional()
        .meta({ description: 'The next page, rel="next" (RFC 8288); absent on the last' }),
    }),
    ...problemResponses("malformed_request", "invalid_cursor"),
  },
};

export const statsPaths: ZodOpenApiPathsObject = {
  "/v1/bulk": {
    post: {
      operationId: "submitBulk",
      summary: "Cancel, replay or delete all jobs that a filter chooses",
      description:
        "Answers a job of type `jobs.bulk`, whose progress counts the jobs done and which can be cancelled. With " +
        "`dry_run`, only counts. Jobs in a state in which the action makes no sense are left out, and so are jobs of " +
        "type `jobs.bulk` unless that type is asked for.",
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
          "unsupported_media_type",
          "invalid_request",
          "idempotency_key_reused",
        ),
      },
    },
  },
  "/v1/stats": {
    get: {
      operationId: "getStats",
      summary: "What became of the jobs, per type and hour",
      description: "Hours in which nothing happened are absent. The sums outlive the jobs, by 400 days.",
      tags: ["Jobs"],
      requestParams: {
        query: z.object({
          from: at("The first hour is the one that holds this time; default: a day before `to`"),
          to: at("Hours that begin before this time; default: now. At most 92 days after `from`"),
          type: z.string().optional().meta({ description: "Only this type" }),
        }),
      },
      responses: {
        "200": jsonResponse("Oldest first", envelope(z.array(HourStatsSchema))),
        ...problemResponses("malformed_request"),
      },
    },
  },
};
