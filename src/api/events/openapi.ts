/** The events and the result of a job in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject, ZodOpenApiResponseObject } from "zod-openapi";
import {
  bytesResponse,
  emptyResponse,
  fileResponseHeaders,
  jobPath,
  jobResponse,
  jsonResponse,
  problemResponses,
  sameFileHeaders,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { JobEventSchema } from "./schemas.ts";

const eventsAsJson = jsonResponse("The events", envelope(z.array(JobEventSchema)), {
  Vary: z.string().meta({ description: "Always Accept", header: { required: true } }),
  "X-Accel-Buffering": z
    .string()
    .optional()
    .meta({ description: "no on an event stream: proxies must not buffer it" }),
});

const eventsAnswer: ZodOpenApiResponseObject = {
  ...eventsAsJson,
  content: {
    ...eventsAsJson.content,
    "text/event-stream": {
      schema: z.string().meta({ description: "Server-Sent Events; data is one event as JSON" }),
      example:
        'id: 2\nevent: job.started\ndata: {"seq":2,"type":"job.started","time":"2026-11-22T12:00:00.000Z","data":{"attempt":1}}\n\n',
    },
  },
};

export const eventPaths: ZodOpenApiPathsObject = {
  "/v1/jobs/{id}/events": {
    get: {
      operationId: "listJobEvents",
      summary: "What happened to a job, oldest first, and what happens next",
      description:
        "As JSON the events so far. As Server-Sent Events the same events and then further ones live, until the job's " +
        "last event; the id of each is its seq. Progress that is not stored yet comes without id and seq, at most once a " +
        "second, and is not repeated. A WebSocket upgrade (RFC 6455) gets the same events, one JSON message each.",
      tags: ["Events"],
      requestParams: {
        path: jobPath,
        query: z.object({
          access_token: z.string().optional().meta({
            description: "A job token, for EventSource and WebSocket, which cannot send headers; never a key",
          }),
          after: z.int().min(0).optional().meta({ description: "Only events after this seq" }),
        }),
        header: z.object({
          "Last-Event-ID": z.string().optional().meta({
            description: "The same, as an EventSource says it; it counts before after",
          }),
        }),
      },
      responses: {
        "200": eventsAnswer,
        "204": emptyResponse(
          "As Server-Sent Events: the job has finished, and there is nothing after that event",
        ),
        ...problemResponses("malformed_request", "not_found"),
      },
    },
  },
  "/v1/jobs/{id}/result": {
    get: {
      operationId: "getJobResult",
      summary: "The result itself",
      tags: ["Events"],
      requestParams: { path: jobPath },
      responses: {
        "200": bytesResponse("The result as JSON, or the file that is the result", {
          ETag: z.string().meta({ description: "The version of the job, or the SHA-256 of the file" }),
        }),
        "202": jobResponse("Not finished yet"),
        "206": bytesResponse("A range of the file that is the result", fileResponseHeaders),
        "304": emptyResponse("The file is still the one you have", sameFileHeaders),
        ...problemResponses("not_found", "job_without_result", "range_not_satisfiable"),
      },
    },
  },
};
