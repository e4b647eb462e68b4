/** The shapes of deliveries and of the webhook secret. */

import { z } from "zod";
import { deliverableEvents } from "../../core/deliveries.ts";
import { overlapSchema } from "../keys/schemas.ts";
import { nullable, timeSchema } from "../schemas.ts";

/** `POST …/redeliver` takes none either. */
export const RedeliverRequestSchema = z.strictObject({}).meta({ id: "RedeliverRequest" });

export const DeliveryIdSchema = z.string().meta({
  description: "Id of a delivery: the webhook-id of its message",
  example: "msg_01h2xcejqtf2nbrexx3vqjhp41_7",
});

export const DeliverySchema = z
  .object({
    id: DeliveryIdSchema,
    event: z.enum(deliverableEvents),
    status: z.enum(["pending", "succeeded", "failed"]),
    next_attempt_at: nullable(timeSchema).meta({
      description: "When the next try is due; null when none is",
    }),
    attempts: z
      .array(
        z.object({
          started_at: timeSchema,
          status: nullable(z.int()).meta({ description: "The receiver's HTTP status; null if it gave none" }),
          error: nullable(z.enum(["timeout", "unreachable", "refused_target"])).meta({
            description: "Why there is no status",
          }),
          duration_ms: z.int(),
        }),
      )
      .meta({ description: "The last 20, oldest first" }),
  })
  .meta({ id: "Delivery" });

export const RotateSecretRequestSchema = z
  .strictObject({ overlap_ms: overlapSchema })
  .meta({ id: "RotateWebhookSecretRequest" });

export const WebhookSecretSchema = z
  .object({
    secret: z.string().meta({
      description: "What Standard Webhooks libraries verify with",
      example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    }),
    previous_expires_at: nullable(timeSchema).meta({
      description: "Until when the secret before also signs; null if it does not",
    }),
  })
  .meta({ id: "WebhookSecret" });
