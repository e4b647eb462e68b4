/**
 * `test.simulate`: does nothing real and ends as its input says, so that client developers can test every outcome
 * at a chosen pace. It reports only the waiting that it really did.
 */

import { z } from "zod";
import { now, sleep } from "../lib/runtime.ts";
import { ATTEMPT_TIMEOUT_MAX_MS, defineJobType, type JobContext, JobFailure } from "./define.ts";

/** Room for a realistic result, without making the type a store. */
const SIMULATED_RESULT_BYTES_MAX = 64 * 1024;

/** Without `worker_lost`, which only the service detects. */
const kinds = [
  "timeout",
  "rate_limited",
  "service_unavailable",
  "invalid_input",
  "permission_denied",
  "not_found",
  "internal_error",
] as const satisfies readonly JobFailure["kind"][];

const OutcomeSchema = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("succeed") }),
  z.strictObject({
    outcome: z.literal("fail"),
    kind: z.enum(kinds),
    code: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/, "must be snake_case, at most 64 characters")
      .optional(),
    message: z.string().min(1).max(500).optional(),
    retry_after_ms: z.int().min(0).max(86_400_000).optional().describe("Least time until the retry."),
  }),
  z.strictObject({
    outcome: z.literal("crash"),
    message: z.string().max(500).describe("Text of the exception; it goes to the logs, never to the client."),
  }),
  z.strictObject({
    outcome: z
      .literal("hang")
      .describe("From the attempt's beginning, it never reports, returns or honours its signal."),
  }),
]);
type Ending = Exclude<z.infer<typeof OutcomeSchema>, { outcome: "hang" }>;

const InputSchema = z.strictObject({
  duration_ms: z.int().min(0).max(600_000).default(0).describe("How long each attempt works."),
  steps: z.int().min(1).max(1000).default(10).describe("The work is done in so many equal parts."),
  progress: z
    .enum(["exact", "coarse", "none"])
    .default("exact")
    .describe("What is reported: the steps done, only a stage, or nothing."),
  heartbeats: z
    .boolean()
    .default(true)
    .describe("false reports nothing, not even heartbeats, while it works."),
  ignore_cancel: z.boolean().default(false).describe("Works on after it was cancelled."),
  attempts: z
    .array(OutcomeSchema)
    .min(1)
    .max(25)
    .default([{ outcome: "succeed" }])
    .describe("The outcome of each attempt; the last one repeats."),
  result: z
    .unknown()
    .refine((value) => jsonBytes(value) <= SIMULATED_RESULT_BYTES_MAX, "must not exceed 64 KiB as JSON")
    .default(null)
    .describe("Any JSON value: what a success returns. At most 64 KiB."),
});
type SimulateInput = z.infer<typeof InputSchema>;

export const testSimulate = defineJobType({
  type: "test.simulate",
  description:
    "Does nothing real: waits for duration_ms in equal steps, then ends as attempts[n] says for attempt n+1. " +
    "For testing every outcome a client must deal with.",
  input: InputSchema,
  example: {
    duration_ms: 5_000,
    attempts: [{ outcome: "fail", kind: "service_unavailable" }, { outcome: "succeed" }],
    result: { hello: "world" },
  },
  maxAttempts: 25,
  defaultAttempts: 3,
  attemptTimeoutMs: ATTEMPT_TIMEOUT_MAX_MS,
  async run(input, job) {
    const outcome = input.attempts[job.attempt - 1] ?? input.attempts.at(-1) ?? { outcome: "succeed" };
    if (outcome.outcome === "hang") return new Promise(() => undefined);
    await work(input, job);
    return endAsAsked(outcome, input.result);
  },
});

/** Waits in equal steps, measured from the start so that late timers do not add up, and reports each. */
async function work(input: SimulateInput, job: JobContext): Promise<void> {
  const { duration_ms, steps, ignore_cancel } = input;
  const startedAt = now();
  reportStep(input, job, 0);
  for (let done = 1; done <= steps; done++) {
    const restMs = startedAt + (duration_ms * done) / steps - now();
    if (restMs > 0) await sleep(restMs, ignore_cancel ? undefined : job.signal);
    if (!ignore_cancel) job.signal.throwIfAborted();
    reportStep(input, job, done);
  }
}

function reportStep({ heartbeats, progress, steps }: SimulateInput, job: JobContext, done: number): void {
  if (!heartbeats) return;
  if (progress === "exact") job.progress({ current: done, total: steps, unit: "steps" });
  else if (progress === "coarse") job.progress({ stage: stageAt(done / steps) });
  else job.heartbeat();
}

function stageAt(part: number): string {
  if (part < 1 / 3) return "preparing";
  return part < 2 / 3 ? "processing" : "finalising";
}

function endAsAsked(outcome: Ending, result: unknown): unknown {
  switch (outcome.outcome) {
    case "succeed":
      return result;
    case "fail":
      throw new JobFailure(outcome.kind, {
        ...(outcome.code !== undefined && { code: outcome.code }),
        ...(outcome.message !== undefined && { message: outcome.message }),
        ...(outcome.retry_after_ms !== undefined && { retryAfterMs: outcome.retry_after_ms }),
      });
    case "crash":
      throw new Error(outcome.message);
  }
}

function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
