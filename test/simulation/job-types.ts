/** Job types that exist to be simulated: between them they do whatever a handler may do, and what none should. */

import { z } from "zod";
import {
  DAY,
  defineJobType,
  HOUR,
  type JobContext,
  JobFailure,
  type JobTypes,
  MINUTE,
  SECOND,
} from "../../src/job-types/define.ts";
import { sleep } from "../../src/lib/runtime.ts";

/** Longer than the last try of a webhook, so that a purge cuts no delivery short. */
const RETENTION_MS = 7 * DAY;

/** The queue of `sim.queued`, and what it allows. */
const NARROW_QUEUE = "narrow";
export const narrowLimits = { concurrency: 2, concurrencyPerKey: 1 };
export const simulatedQueues = {
  [NARROW_QUEUE]: { ...narrowLimits, starts: { count: 60, perMs: MINUTE, burst: 2 } },
};

const Ending = z.enum(["succeed", "busy", "unavailable", "invalid", "throw", "hang", "die", "overrun"]);
export type Ending = z.infer<typeof Ending>;

const Work = z.strictObject({
  steps: z.int(),
  stepMs: z.int(),
  /** Whether it saves checkpoints, stores a file, and, with a unique key, imports a dataset of that name. */
  saves: z.boolean(),
  ignoresCancel: z.boolean(),
  /** How each attempt ends; the last one repeats. */
  endings: z.array(Ending).min(1),
});
type Work = z.infer<typeof Work>;

const Checkpoint = z.object({ generation: z.string(), step: z.int() });

async function* chunksOf(text: string): AsyncGenerator<string> {
  yield text;
}

/** The types. `die` ends the invocation that the code runs in, as running out of memory does. */
export function simulatedJobTypes(die: () => void): JobTypes {
  async function work(input: Work, job: JobContext): Promise<unknown> {
    const done = typeof job.checkpoint === "number" ? job.checkpoint : 0;
    for (let step = done + 1; step <= input.steps; step += 1) {
      await sleep(input.stepMs, input.ignoresCancel ? undefined : job.signal);
      if (!input.ignoresCancel) job.signal.throwIfAborted();
      job.progress({ current: step, total: input.steps });
      // A line is stored at once, progress without one may be held.
      if (step % 3 === 1) job.log(`step ${step}`);
      if (input.saves) await job.saveCheckpoint(step);
    }
    const file = input.saves ? (await job.files.create("text/plain", chunksOf("kept"))).id : null;
    return end(input.endings[job.attempt - 1] ?? input.endings.at(-1), job, { file });
  }

  /** As `csv.import` does: stages a batch, then its checkpoint, and publishes when all are staged. */
  async function importRows(input: Work & { uniqueKey: string }, job: JobContext): Promise<unknown> {
    if (!input.saves) return work(input, job);
    const { datasets } = job;
    const { data: saved } = Checkpoint.safeParse(job.checkpoint);
    const resumed = saved && (await datasets.resumeImport(input.uniqueKey, saved.generation));
    const target = resumed ?? (await datasets.beginImport(input.uniqueKey, ["step"]));
    for (let step = resumed && saved ? saved.step + 1 : 1; step <= input.steps; step += 1) {
      await sleep(input.stepMs, job.signal);
      const rows = [2 * step, 2 * step + 1].map((line) => ({ line, cells: [`${step}`] }));
      if (!(await target.stage(rows, []))) throw new JobFailure("service_unavailable");
      await job.saveCheckpoint({ generation: target.generation, step });
    }
    await job.ensureCurrent();
    const published = await target.publish();
    if (!published) throw new JobFailure("service_unavailable");
    return end(input.endings[job.attempt - 1] ?? input.endings.at(-1), job, { rows: published.rowCount });
  }

  async function end(ending: Ending | undefined, job: JobContext, more: object): Promise<unknown> {
    switch (ending) {
      case "busy":
        throw new JobFailure("rate_limited", { retryAfterMs: 10 * MINUTE });
      case "unavailable":
        throw new JobFailure("service_unavailable");
      case "invalid":
        throw new JobFailure("invalid_input");
      case "throw":
        throw new Error("an undeclared exception");
      case "overrun":
        await sleep(5 * MINUTE);
        return "too late";
      case "die":
        die();
        return new Promise(() => undefined);
      case "hang":
        return new Promise(() => undefined);
      default:
        return { attempt: job.attempt, ...more };
    }
  }

  const common = { description: "Simulated.", input: Work, retentionMs: RETENTION_MS, maxAttempts: 4 };
  const example: Work = { steps: 0, stepMs: 0, saves: false, ignoresCancel: false, endings: ["succeed"] };
  const plain = defineJobType({
    ...common,
    type: "sim.work",
    example,
    attemptTimeoutMs: 2 * MINUTE,
    run: work,
  });
  const watched = defineJobType({
    ...common,
    type: "sim.watched",
    example,
    attemptTimeoutMs: 4 * MINUTE,
    heartbeatTimeoutMs: 20 * SECOND,
    run: work,
  });
  const uniqueKey = defineJobType({
    ...common,
    type: "sim.unique",
    input: Work.extend({ uniqueKey: z.string() }),
    example: { ...example, uniqueKey: "here" },
    attemptTimeoutMs: MINUTE,
    uniqueKey: (input) => input.uniqueKey,
    run: importRows,
  });
  const deduplicated = defineJobType({
    ...common,
    type: "sim.deduplicated",
    example,
    dedupeWindowMs: 2 * MINUTE,
    totalTimeoutMs: HOUR,
    run: work,
  });
  const continuations = defineJobType({
    ...common,
    type: "sim.continuations",
    input: z.strictObject({ to: z.int(), failsAt: z.int().nullable() }),
    example: { to: 3, failsAt: null },
    attemptTimeoutMs: MINUTE,
    async run({ to, failsAt }, job) {
      const counted = typeof job.checkpoint === "number" ? job.checkpoint + 1 : 1;
      if (counted === failsAt && job.attempt === 1) throw new JobFailure("service_unavailable");
      job.progress({ current: counted, total: to });
      await sleep(500, job.signal);
      return counted < to ? job.continueFrom(counted) : { counted };
    },
  });
  const queued = defineJobType({
    ...common,
    type: "sim.queued",
    input: Work.extend({ key: z.string().nullable() }),
    example: { ...example, key: null },
    attemptTimeoutMs: MINUTE,
    queue: NARROW_QUEUE,
    concurrencyKey: ({ key }) => key,
    run: work,
  });
  const types = [plain, watched, uniqueKey, deduplicated, continuations, queued];
  return new Map(types.map((type) => [type.type, type]));
}
