/** Webhooks in the OpenAPI document: the routes, and the request that the client's server receives. */

import { z } from "zod";
import type { ZodOpenApiCallbackObject, ZodOpenApiMediaTypeObject, ZodOpenApiPathsObject } from "zod-openapi";
import { deliverableEvents } from "../../core/deliveries.ts";
import {
  idInPath,
  jobPath,
  jsonBody,
  jsonBodyProblems,
  jsonResponse,
  problemResponses,
} from "../openapi/parts.ts";
import { envelope, JobIdSchema } from "../schemas.ts";
import {
  DeliveryIdSchema,
  DeliverySchema,
  RedeliverRequestSchema,
  RotateSecretRequestSchema,
  WebhookSecretSchema,
} from "./schemas.ts";

const deliveryPath = z.object({ id: idInPath(JobIdSchema), delivery_id: idInPath(DeliveryIdSchema) });

const messageHeaders = z.object({
  "webhook-id": DeliveryIdSchema.meta({
    description: "The same on every retry of this message, and on no other",
  }),
  "webhook-timestamp": z.string().meta({ description: "When it is sent, in seconds", example: "1795348800" }),
  "webhook-signature": z.string().meta({
    description: "v1, and the base64 of an HMAC-SHA256; two of them, separated by a space, during a rotation",
    example: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  }),
  traceparent: z.string().meta({ description: "W3C Trace Context of the job" }),
});

/** Written by hand: generated from a zod schema, it would show the job as clients may write one. */
const message: ZodOpenApiMediaTypeObject["schema"] = {
  type: "object",
  required: ["type", "timestamp", "data"],
  properties: {
    type: { type: "string", enum: [...deliverableEvents] },
    timestamp: { type: "string", format: "date-time", description: "When it happened" },
    data: {
      description: "The job as it was when the message was sent; without its result if that exceeds 16 KiB",
      $ref: "#/components/schemas/Job",
    },
  },
};

/** The request the service makes of the URL in the submission. */
export const webhookCallback: ZodOpenApiCallbackObject = {
  "{$request.body#/webhook/url}": {
    post: {
      operationId: "receiveWebhook",
      summary: "An event of the job, by Standard Webhooks 1.0",
      description:
        "Retried for about three days until a 2xx. Redirects are not followed, and a response must " +
        "be complete within 15 seconds. The same message may come more than once, and messages may overtake each other.",
      tags: ["Webhooks"],
      security: [],
      requestParams: { header: messageHeaders },
      requestBody: {
        required: true,
        content: { "application/json": { schema: message } },
      },
      responses: {
        "2XX": { description: "Delivered" },
        "410": { description: "Never try this message again" },
        "429": { description: "Tried again, not before Retry-After; so is 503" },
        default: { description: "Tried again" },
      },
    },
  },
};

export const webhookPaths: ZodOpenApiPathsObject = {
  "/v1/jobs/{id}/deliveries": {
    get: {
      operationId: "listDeliveries",
      summary: "What was delivered of a job, every try, and when the next one is due",
      tags: ["Webhooks"],
      requestParams: { path: jobPath },
      responses: {
        "200": jsonResponse("The deliveries", envelope(z.array(DeliverySchema))),
        ...problemResponses("not_found"),
      },
    },
  },
  "/v1/jobs/{id}/deliveries/{delivery_id}/redeliver": {
    post: {
      operationId: "redeliver",
      summary: "Deliver once more, at once, whatever its state",
      tags: ["Webhooks"],
      requestParams: { path: deliveryPath },
      requestBody: jsonBody(RedeliverRequestSchema, false),
      responses: {
        "202": jsonResponse("The delivery, with its schedule begun anew", envelope(DeliverySchema)),
        ...problemResponses("malformed_request", "not_found", ...jsonBodyProblems),
      },
    },
  },
  "/v1/webhook-secret": {
    get: {
      operationId: "getWebhookSecret",
      summary: "The secret that the tenant's webhooks are signed with",
      tags: ["Webhooks"],
      responses: {
        "200": jsonResponse("The secret", envelope(WebhookSecretSchema)),
        ...problemResponses("not_found"),
      },
    },
  },
  "/v1/webhook-secret/rotate": {
    post: {
      operationId: "rotateWebhookSecret",
      summary: "Make a new webhook secret; for a while that before signs, too",
      tags: ["Webhooks"],
      requestBody: jsonBody(RotateSecretRequestSchema, false),
      responses: {
        "200": jsonResponse("The new secret", envelope(WebhookSecretSchema)),
        ...problemResponses("not_found", ...jsonBodyProblems),
      },
    },
  },
};
