/** The shapes of queues. */

import { z } from "zod";
import {
  defaultQueueLimits,
  type QueueLimitName,
  type QueueLimits,
  type StartRate,
} from "../../core/queue.ts";
import { DAY } from "../../core/time.ts";
import { toQueueLimitName } from "../../rpc/views.ts";
import { nameSchema } from "../../submission/request.ts";
import { RemoteWorkerSchema } from "../jobs/schemas.ts";
import { nullable, timeSchema } from "../schemas.ts";

export const QueueNameSchema = nameSchema.meta({ description: "Name of a queue" });

const OVERRIDE_MAX_MS = 30 * DAY;
const OVERRIDE_KEYS_MAX = 100;

const limitCountSchema = z.int().min(1).max(1_000_000);
const rateFields = {
  count: limitCountSchema,
  per_ms: z
    .int()
    .min(1)
    .max(30 * DAY),
};
const givenRate = z.strictObject({ ...rateFields, burst: limitCountSchema.optional() });
const rateSchema = z.object({ ...rateFields, burst: limitCountSchema });

/** Every limit by its name on the wire. */
function limitFields<Count extends z.ZodType, Rate extends z.ZodType>(count: Count, rate: Rate) {
  return {
    concurrency: count,
    concurrency_per_key: count,
    concurrency_per_tenant: count,
    starts: rate,
    starts_per_key: rate,
    backlog: count,
    backlog_per_tenant: count,
  };
}

const GivenLimitsSchema = z
  .strictObject(limitFields(limitCountSchema.nullable().optional(), givenRate.nullable().optional()))
  .meta({
    id: "QueueLimitsRequest",
    description: "null is no limit; what is left out takes its default. Starts are spaced evenly",
    example: { concurrency: 5, starts: { count: 120, per_ms: 60_000 } },
  });
const LimitsSchema = z.object(limitFields(nullable(limitCountSchema), nullable(rateSchema)));

export const PutQueueRequestSchema = z
  .strictObject({ limits: GivenLimitsSchema })
  .meta({ id: "PutQueueRequest" });

export const PauseQueueRequestSchema = z
  .strictObject({ reason: z.string().min(1).max(200).optional() })
  .meta({ id: "PauseQueueRequest" });

export const OverrideQueueRequestSchema = z
  .strictObject({
    limits: GivenLimitsSchema.optional(),
    keys: z
      .record(z.string().min(1).max(200), z.strictObject({ concurrency: limitCountSchema }))
      .refine((keys) => Object.keys(keys).length <= OVERRIDE_KEYS_MAX, `At most ${OVERRIDE_KEYS_MAX} keys.`)
      .optional()
      .meta({ example: { acct_1: { concurrency: 3 } } }),
    expires_in_ms: z.int().min(1).max(OVERRIDE_MAX_MS),
  })
  .meta({ id: "OverrideQueueRequest" });

export const QueueSchema = z
  .object({
    name: z.string(),
    scope: z.enum(["tenant", "deployment"]),
    built_in: z.boolean(),
    types: z.array(z.string()).meta({ description: "The job types that name it" }),
    limits: LimitsSchema,
    override: nullable(
      z.object({
        limits: z.object(LimitsSchema.shape).partial(),
        keys: z.record(z.string(), z.object({ concurrency: z.int() })),
        expires_at: timeSchema,
      }),
    ),
    paused: nullable(z.object({ paused_at: timeSchema, reason: nullable(z.string()) })),
    waiting: z.int(),
    running: z.int(),
    oldest_entered_at: nullable(timeSchema),
    workers: z
      .array(RemoteWorkerSchema.extend({ polled_at: timeSchema }))
      .meta({ description: "Remote workers that asked for jobs lately" }),
    version: z.int(),
  })
  .meta({ id: "Queue" });

type WireRate = { count: number; per_ms: number; burst?: number | undefined };
type WireLimits = Record<string, number | WireRate | null | undefined>;

/** The limits that a request gives, and only those. */
export function readLimits(given: WireLimits = {}): Partial<QueueLimits> {
  const names = Object.keys(defaultQueueLimits) as QueueLimitName[];
  const entries = names.flatMap((name) => {
    const value = given[toQueueLimitName(name)];
    return value === undefined ? [] : [[name, typeof value === "object" ? readRate(value) : value] as const];
  });
  return Object.fromEntries(entries) as Partial<QueueLimits>;
}

function readRate(rate: WireRate | null): StartRate | null {
  return rate && { count: rate.count, perMs: rate.per_ms, burst: rate.burst ?? 1 };
}

/** Limits as answers have them. */
export function limitsView(limits: Partial<QueueLimits>) {
  return Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [
      toQueueLimitName(name as QueueLimitName),
      typeof value === "object" && value !== null
        ? { count: value.count, per_ms: value.perMs, burst: value.burst }
        : value,
    ]),
  );
}
