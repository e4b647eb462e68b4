/** Job types in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { TypeDefinitionSchema } from "../../submission/declaration.ts";
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
import { JobTypeSchema } from "./schemas.ts";

const types = { tags: ["Job types"] };
const anyType = { path: z.object({ type: z.string().meta({ example: "csv.import" }) }) };
const declaredType = {
  path: z.object({ type: z.string().meta({ example: "video.transcode" }) }),
  header: ifSameVersion,
};
const typeResponse = (description: string) => jsonResponse(description, envelope(JobTypeSchema), versionETag);

export const jobTypePaths: ZodOpenApiPathsObject = {
  "/v1/job-types": {
    get: {
      operationId: "listJobTypes",
      summary: "The job types there are",
      ...types,
      responses: {
        "200": jsonResponse("All of them", envelope(z.array(JobTypeSchema))),
        ...problemResponses(),
      },
    },
  },
  "/v1/job-types/{type}": {
    get: {
      operationId: "getJobType",
      summary: "One job type",
      ...types,
      requestParams: anyType,
      responses: { "200": typeResponse("The job type"), ...problemResponses("not_found") },
    },
    put: {
      operationId: "putJobType",
      summary: "Declare a job type that remote workers run, or replace it",
      description: "Takes effect within 5 s. A job keeps the terms it was accepted with.",
      ...types,
      requestParams: declaredType,
      requestBody: jsonBody(TypeDefinitionSchema, true, {
        video: {
          value: {
            description: "Transcodes a video.",
            example: { file: "file_8Jc2mXwP", height: 720 },
            input_schema: {
              type: "object",
              additionalProperties: false,
              required: ["file", "height"],
              properties: { file: { type: "string" }, height: { enum: [240, 480, 720] } },
            },
            worker: { mode: "pull" },
            queue: "video",
          },
        },
      }),
      responses: {
        "200": typeResponse("Replaced"),
        "201": typeResponse("Declared"),
        ...problemResponses("built_in", "precondition_failed", "quota_exceeded", ...jsonBodyProblems),
      },
    },
    delete: {
      operationId: "deleteJobType",
      summary: "Accept no more jobs of a declared type; accepted ones go on",
      ...types,
      requestParams: declaredType,
      responses: {
        "204": emptyResponse("Deleted"),
        ...problemResponses("not_found", "built_in", "precondition_failed"),
      },
    },
  },
};
