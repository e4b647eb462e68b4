/** Browser tokens in the OpenAPI document. */

import type { ZodOpenApiPathsObject } from "zod-openapi";
import { JobTokenRequestSchema } from "../../submission/request.ts";
import { jobPath, jsonBody, jsonBodyProblems, jsonResponse, problemResponses } from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { JobTokenResponseSchema, UploadTokenRequestSchema, UploadTokenResponseSchema } from "./schemas.ts";

export const tokenPaths: ZodOpenApiPathsObject = {
  "/v1/jobs/{id}/tokens": {
    post: {
      operationId: "createJobToken",
      summary: "Make a token with which a web page may follow this job",
      description:
        "It is signed and not stored, so it cannot be revoked singly. It ends with its time, or with its job.",
      tags: ["Tokens"],
      requestParams: { path: jobPath },
      requestBody: jsonBody(JobTokenRequestSchema, true),
      responses: {
        "201": jsonResponse("The token", envelope(JobTokenResponseSchema)),
        ...problemResponses("not_found", ...jsonBodyProblems),
      },
    },
  },
  "/v1/upload-tokens": {
    post: {
      operationId: "createUploadToken",
      summary: "Make a token with which a web page may upload one file",
      tags: ["Tokens"],
      requestBody: jsonBody(UploadTokenRequestSchema, true),
      responses: {
        "201": jsonResponse("The token", envelope(UploadTokenResponseSchema)),
        ...problemResponses(...jsonBodyProblems),
      },
    },
  },
};
