/** Job types that exist to be tested: one for each rule that no built-in type declares. */

import { z } from "zod";
import { defineJobType, type JobTypes, MINUTE } from "../../src/job-types/define.ts";

/** Equal inputs are one job for a minute. */
const inputHash = defineJobType({
  type: "test.dedupe_window",
  description: "Equal inputs are one job.",
  input: z.strictObject({ n: z.number() }),
  example: { n: 1 },
  dedupeWindowMs: MINUTE,
  run: async () => null,
});

/** One unfinished job per place; waits to be cancelled. */
const place = defineJobType({
  type: "test.place",
  description: "One job at a time per place.",
  input: z.strictObject({ place: z.string(), wait: z.boolean().optional() }),
  example: { place: "here" },
  uniqueKey: (input) => input.place,
  async run(input, job) {
    if (!input.wait) return null;
    await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
    throw job.signal.reason;
  },
});

/** Counts to `to`, one slice per number. */
const continuations = defineJobType({
  type: "test.continuations",
  description: "Counts in continuations.",
  input: z.strictObject({ to: z.int() }),
  example: { to: 3 },
  async run(input, job) {
    const counted = typeof job.checkpoint === "number" ? job.checkpoint + 1 : 1;
    job.progress({ current: counted, total: input.to });
    return counted < input.to
      ? job.continueFrom(counted)
      : { counted, attempt: job.attempt, continuation: job.continuation };
  },
});

/** Produces a file and returns its id as the result file. */
const produces = defineJobType({
  type: "test.produces",
  description: "Produces a file.",
  input: z.strictObject({ text: z.string() }),
  example: { text: "hello" },
  resultFile: (result: { file: string }) => result.file,
  async run(input, job) {
    async function* chunks() {
      yield input.text;
    }
    const file = await job.files.create("text/plain", chunks());
    return { file: file.id };
  },
});

export const testJobTypes: JobTypes = new Map(
  [inputHash, place, continuations, produces].map((type) => [type.type, type]),
);
