/** Types whose code is part of the deployment. */

import { z } from "zod";
import { ATTEMPTS_MAX } from "../core/job.ts";
import { ATTEMPT_TIMEOUT_MAX_MS, DAY, type JobType, MINUTE } from "../job-types/define.ts";
import { oncePer } from "../lib/once.ts";
import { toFieldErrors } from "./field-errors.ts";
import type { SubmittableType } from "./type.ts";

const DEFAULT_ATTEMPTS = 3;

/** The type as clients submit it. Made once: turning its schema into JSON Schema takes a millisecond. */
export const toSubmittable = oncePer((type: JobType): SubmittableType => {
  return {
    type: type.type,
    description: type.description,
    example: type.example,
    inputSchema: z.toJSONSchema(type.input, { io: "input" }),
    limits: {
      maxAttempts: Math.min(type.maxAttempts ?? DEFAULT_ATTEMPTS, ATTEMPTS_MAX),
      attemptTimeoutMs: Math.min(type.attemptTimeoutMs ?? 5 * MINUTE, ATTEMPT_TIMEOUT_MAX_MS),
      heartbeatTimeoutMs: type.heartbeatTimeoutMs ?? null,
      totalTimeoutMs: type.totalTimeoutMs ?? DAY,
      retentionMs: type.retentionMs ?? 7 * DAY,
      leaseMs: null,
    },
    defaultAttempts: type.defaultAttempts ?? null,
    backoff: type.backoff ?? {},
    alsoRetry: type.alsoRetry ?? [],
    dedupeWindowMs: type.dedupeWindowMs ?? null,
    queue: type.queue === undefined ? null : { name: type.queue, scope: "deployment" },
    derivesConcurrencyKey: type.concurrencyKey !== undefined,
    pointers: { concurrencyKey: null, uniqueKey: null, resultFile: null },
    worker: null,
    builtIn: true,
    version: 1,
    readInput(raw, context) {
      const input = type.input.safeParse(raw);
      if (!input.success) return { ok: false, errors: toFieldErrors(input.error) };
      const errors = (type.check?.(input.data, context) ?? []).map(({ pointer, detail }) => ({
        pointer: `#${pointer}`,
        detail,
      }));
      if (errors.length > 0) return { ok: false, errors };
      const uniqueKey = type.uniqueKey?.(input.data) ?? null;
      return { ok: true, uniqueKey, concurrencyKey: type.concurrencyKey?.(input.data) ?? null };
    },
    resultFileOf: (result) => type.resultFile?.(result),
  };
});
