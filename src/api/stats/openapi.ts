/** Statistics in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { jsonResponse, problemResponses, timeParameter } from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { HourStatsSchema } from "./schemas.ts";

export const statsPaths: ZodOpenApiPathsObject = {
  "/v1/stats": {
    get: {
      operationId: "getStats",
      summary: "What became of the jobs, per type and hour",
      description: "Hours in which nothing happened are absent. The sums outlive the jobs, by 400 days.",
      tags: ["Jobs"],
      requestParams: {
        query: z.object({
          from: timeParameter("The first hour is the one that holds this time; default: a day before `to`"),
          to: timeParameter("Hours that begin before this time; default: now. At most 92 days after `from`"),
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
