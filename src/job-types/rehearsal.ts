/**
 * `rehearsal`: does nothing real, and ends as its input says. It lets whoever writes a client rehearse every
 * outcome a job can have, at a chosen pace. It must stay honest: it reports only what it really did, wait.
 */

import { z } from "zod";
import { now, pause } from "../lib/world.ts";
import { ATTEMPT_LIMIT_MAX_MS, defineJobType, type JobContext, JobFailure } from "./define.ts";

/** Room for a realistic result, without making the rehearsal a store. */
const RESULT_BYTES_MAX = 64 * 1024;

/** `worker_lost` is not among them: the service finds that by itself, no code declares it. */
const kinds = [
  "timeout",
  "rate_limited",
  "service_unavailable",
  "invalid_input",
  "permission_denied",
  "not_found",
  "internal_error",
] as const satisfies readonly JobFailure["kind"][];

const Outcome = z.discriminatedUnion("outcome", [
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
    outcome: z.literal("hang").describe("From the attempt's beginning: no report, no return, no heed."),
  }),
]);
type Ending = Exclude<z.infer<typeof Outcome>, { outcome: "hang" }>;

const Input = z.strictObject({
  duration_ms: z.int().min(0).max(600_000).default(0).describe("How long each attempt works."),
  steps: z.int().min(1).max(1000).default(10).describe("The work is done in so many equal parts."),
  progress: z
    .enum(["exact", "coarse", "none"])
    .default("exact")
    .describe("What is reported: the steps done, only a stage, or nothing."),
  silent: z.boolean().default(false).describe("No report and no sign of life at all while it works."),
  ignore_cancel: z.boolean().default(false).describe("Works on after it was cancelled."),
  attempts: z
    .array(Outcome)
    .min(1)
    .max(25)
    .default([{ outcome: "succeed" }])
    .describe("The outcome of each attempt; the last one repeats."),
  result: z
    .unknown()
    .refine((value) => bytes(value) <= RESULT_BYTES_MAX, "must not exceed 64 KiB as JSON")
    .default(null)
    .describe("Any JSON value: what a success returns. At most 64 KiB."),
});
type Input = z.infer<typeof Input>;

export const rehearsal = defineJobType({
  type: "rehearsal",
  description:
    "Does nothing real: waits for duration_ms in equal steps, then ends as attempts[n] says for attempt n+1. " +
    "For rehearsing every outcome a client must deal with.",
  input: Input,
  example: {
    duration_ms: 5_000,
    attempts: [{ outcome: "fail", kind: "service_unavailable" }, { outcome: "succeed" }],
    result: { hello: "world" },
  },
  maxAttempts: 25,
  defaultAttempts: 3,
  attemptLimitMs: ATTEMPT_LIMIT_MAX_MS,
  async run(input, job) {
    const outcome = input.attempts[job.attempt - 1] ?? input.attempts.at(-1) ?? { outcome: "succeed" };
    if (outcome.outcome === "hang") return new Promise(() => undefined);
    await work(input, job);
    return end(outcome, input.result);
  },
});

/** Waits in equal steps, measured from the start so that late timers do not add up, and reports each. */
async function work(input: Input, job: JobContext): Promise<void> {
  const { duration_ms, steps, ignore_cancel } = input;
  const startedAt = now();
  report(input, job, 0);
  for (let done = 1; done <= steps; done++) {
    const restMs = startedAt + (duration_ms * done) / steps - now();
    if (restMs > 0) await pause(restMs, ignore_cancel ? undefined : job.signal);
    if (!ignore_cancel) job.signal.throwIfAborted();
    report(input, job, done);
  }
}

function report({ silent, progress, steps }: Input, job: JobContext, done: number): void {
  if (silent) return;
  if (progress === "exact") job.progress({ current: done, total: steps, unit: "steps" });
  else if (progress === "coarse") job.progress({ stage: stageOf(done / steps) });
  else job.heartbeat();
}

function stageOf(part: number): string {
  if (part < 1 / 3) return "preparing";
  return part < 2 / 3 ? "processing" : "finalising";
}

function end(outcome: Ending, result: unknown): unknown {
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

function bytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
