/** The body of `PUT /v1/job-types/{type}`. */

import { z } from "zod";
import { ATTEMPTS_MAX, failureKinds } from "../core/job.ts";
import { DAY, HOUR, MINUTE, SECOND } from "../core/time.ts";
import { schemaErrors } from "./json-schema.ts";
import { nameSchema } from "./request.ts";
import { schemaFaults } from "./schema-faults.ts";

const TYPE_RETENTION_MAX_MS = 400 * DAY;

const pointerSchema = z
  .string()
  .max(200)
  .regex(/^(\/([^~/]|~[01])*)+$/, "A JSON pointer, such as /file.");

const TypeLimitsSchema = z.strictObject({
  max_attempts: z.int().min(1).max(ATTEMPTS_MAX).default(3),
  lease_ms: z
    .int()
    .min(10 * SECOND)
    .max(10 * MINUTE)
    .default(MINUTE),
  attempt_timeout_ms: z.int().min(SECOND).max(DAY).default(HOUR),
  heartbeat_timeout_ms: z.int().min(SECOND).max(DAY).nullable().default(null),
  total_timeout_ms: z
    .int()
    .min(SECOND)
    .max(30 * DAY)
    .default(DAY),
  retention_ms: z
    .int()
    .min(HOUR)
    .max(TYPE_RETENTION_MAX_MS)
    .default(7 * DAY),
});

const InputSchemaSchema = z.record(z.string(), z.unknown()).superRefine((schema, context) => {
  for (const message of schemaFaults(schema)) context.addIssue({ code: "custom", message });
});

export const TypeDefinitionSchema = z
  .strictObject({
    description: z.string().min(1).max(1_000),
    example: z.json().meta({ description: "An acceptable input" }),
    input_schema: InputSchemaSchema.meta({
      description: "JSON Schema 2020-12 of the input, at most 64 KiB and 32 levels",
      example: { type: "object", required: ["file"], properties: { file: { type: "string" } } },
    }),
    worker: z.strictObject({
      mode: z.literal("pull"),
      wake: z
        .strictObject({ url: z.string().max(2048) })
        .optional()
        .meta({ description: "Called when a job waits and no worker polls" }),
    }),
    queue: nameSchema.nullable().default(null).meta({ description: "Default: the type's name" }),
    concurrency_key: pointerSchema.nullable().default(null),
    unique_key: z.array(pointerSchema).min(1).max(8).nullable().default(null),
    dedupe_window_ms: z
      .int()
      .min(1)
      .max(30 * DAY)
      .nullable()
      .default(null),
    also_retry: z.array(z.enum(failureKinds)).max(failureKinds.length).default([]),
    result_file: pointerSchema.nullable().default(null),
    limits: TypeLimitsSchema.default(() => TypeLimitsSchema.parse({})),
  })
  .superRefine(({ example, input_schema }, context) => {
    if (schemaFaults(input_schema).length > 0) return;
    for (const { pointer, detail } of schemaErrors(input_schema, example).slice(0, 20))
      context.addIssue({
        code: "custom",
        path: ["example", ...pointer.split("/").slice(1)],
        message: detail,
      });
  })
  .meta({ id: "TypeDefinition" });

export type TypeDefinition = z.infer<typeof TypeDefinitionSchema>;
