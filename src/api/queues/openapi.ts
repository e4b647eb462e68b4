/** Queues in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  emptyResponse,
  ifSameVersion,
  jsonBody,
  jsonBodyProblems,
  jsonResponse,
  problemResponses,
  versionETag,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import {
  OverrideQueueRequestSchema,
  PauseQueueRequestSchema,
  PutQueueRequestSchema,
  QueueNameSchema,
  QueueSchema,
} from "./schemas.ts";

const queues = { tags: ["Queues"] };
const inPath = { path: z.object({ queue: QueueNameSchema }) };
const conditionally = { ...inPath, header: ifSameVersion };
const queueResponse = (description: string) => jsonResponse(description, envelope(QueueSchema), versionETag);
const problems = (...more: Parameters<typeof problemResponses>) => problemResponses("not_found", ...more);

export const queuePaths: ZodOpenApiPathsObject = {
  "/v1/queues": {
    get: {
      operationId: "listQueues",
      summary: "The queues: what waits and runs in them",
      ...queues,
      responses: {
        "200": jsonResponse("All of them", envelope(z.array(QueueSchema))),
        ...problemResponses(),
      },
    },
  },
  "/v1/queues/{queue}": {
    get: {
      operationId: "getQueue",
      summary: "One queue",
      ...queues,
      requestParams: inPath,
      responses: { "200": queueResponse("The queue"), ...problems() },
    },
    put: {
      operationId: "putQueue",
      summary: "Declare a queue, or replace its limits",
      ...queues,
      requestParams: conditionally,
      requestBody: jsonBody(PutQueueRequestSchema, true, {
        limits: { value: { limits: { concurrency: 5, starts: { count: 120, per_ms: 60_000 } } } },
      }),
      responses: {
        "200": queueResponse("Replaced"),
        "201": queueResponse("Declared"),
        ...problems("built_in", "precondition_failed", "quota_exceeded", ...jsonBodyProblems),
      },
    },
    delete: {
      operationId: "deleteQueue",
      summary: "Remove a queue's limits; the jobs in it start without them",
      ...queues,
      requestParams: inPath,
      responses: { "204": emptyResponse("Removed"), ...problems("built_in") },
    },
  },
  "/v1/queues/{queue}/pause": {
    post: {
      operationId: "pauseQueue",
      summary: "Start nothing any more; what runs goes on",
      ...queues,
      requestParams: conditionally,
      requestBody: jsonBody(PauseQueueRequestSchema, false, { reason: { value: { reason: "Maintenance" } } }),
      responses: { "200": queueResponse("Paused"), ...problems("precondition_failed", ...jsonBodyProblems) },
    },
  },
  "/v1/queues/{queue}/resume": {
    post: {
      operationId: "resumeQueue",
      summary: "Start jobs again",
      ...queues,
      requestParams: conditionally,
      responses: { "200": queueResponse("Resumed"), ...problems("precondition_failed") },
    },
  },
  "/v1/queues/{queue}/override": {
    put: {
      operationId: "overrideQueue",
      summary: "Replace limits for a while",
      description: "Takes effect at once and ends by itself.",
      ...queues,
      requestParams: conditionally,
      requestBody: jsonBody(OverrideQueueRequestSchema, true, {
        narrow: { value: { limits: { concurrency: 1 }, expires_in_ms: 600_000 } },
      }),
      responses: {
        "200": queueResponse("Overridden"),
        ...problems("precondition_failed", ...jsonBodyProblems),
      },
    },
    delete: {
      operationId: "endQueueOverride",
      summary: "End an override before its time",
      ...queues,
      requestParams: conditionally,
      responses: { "204": emptyResponse("Ended"), ...problems("precondition_failed") },
    },
  },
};
