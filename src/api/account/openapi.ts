/** What a caller may know of itself, in the OpenAPI document. */

import type { ZodOpenApiPathsObject } from "zod-openapi";
import { jsonResponse, problemResponses } from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { MeSchema, UsageSchema } from "./schemas.ts";

export const accountPaths: ZodOpenApiPathsObject = {
  "/v1/me": {
    get: {
      operationId: "getMe",
      summary: "Whose key this is, and what it allows",
      tags: ["Keys"],
      responses: { "200": jsonResponse("The caller", envelope(MeSchema)), ...problemResponses() },
    },
  },
  "/v1/usage": {
    get: {
      operationId: "getUsage",
      summary: "What the tenant uses of each quota",
      tags: ["Keys"],
      responses: { "200": jsonResponse("The usage", envelope(UsageSchema)), ...problemResponses() },
    },
  },
};
