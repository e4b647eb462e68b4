/**
 * `jobs.bulk`: cancels, replays or deletes every job that a filter matches, at a limited rate. It counts first,
 * stores its position, and acts only on jobs that were accepted, and finished, by `as_of`. Acting on a job twice after
 * an interruption changes nothing.
 */

import { z } from "zod";
import { rfc3339Schema, toEpochMs } from "../lib/rfc3339.ts";
import { now, sleep } from "../lib/runtime.ts";
import {
  ATTEMPT_TIMEOUT_MAX_MS,
  type Continuation,
  DAY,
  defineJobType,
  type JobContext,
  JobFailure,
  type JobFilter,
  type JobPosition,
  MINUTE,
} from "./define.ts";

/** Work that makes work is bounded: a bulk job never acts on bulk jobs. */
export const BULK_TYPE = "jobs.bulk";

const PER_SECOND_DEFAULT = 20;
const PAGE = 100;
const CONCURRENCY_MAX = 10;

/** With less time left than this, the work continues in another run. */
const RUN_TIME_LEFT_MIN_MS = MINUTE;

/** Jobs per run: an invocation may make 10,000 calls, ten runs may share it, and each job takes 1 to 3 calls. */
const RUN_JOBS_MAX = 250;

/** An unreachable job is skipped; this many in a row are an outage, and the attempt fails. */
const UNREACHED_MAX = 10;

const bulkStatuses = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
const finishedStatuses = ["succeeded", "failed", "cancelled"] as const;

/** The states in which each action can be taken. */
const actionable = {
  cancel: ["queued", "running"],
  replay: finishedStatuses,
  delete: finishedStatuses,
} as const;

/** Which jobs; an absent part matches all. */
export const BulkFilterSchema = z
  .strictObject({
    status: z.array(z.enum(bulkStatuses)).optional().describe("Jobs in any of these states."),
    type: z
      .array(z.string().min(1))
      .max(50)
      .refine((types) => !types.includes(BULK_TYPE), `Jobs of the type ${BULK_TYPE} are never chosen.`)
      .optional()
      .describe("Jobs of any of these types; jobs.bulk is never one."),
    created_after: rfc3339Schema.optional(),
    created_before: rfc3339Schema.optional(),
    metadata: z.record(z.string(), z.string()).optional().describe("Jobs with all of these pairs."),
  })
  .describe("Which jobs; those in a state in which the action makes no sense are left out.");

export const BulkInputSchema = z.strictObject({
  action: z.enum(["cancel", "replay", "delete"]),
  filter: BulkFilterSchema,
  per_second: z
    .int()
    .min(1)
    .max(100)
    .default(PER_SECOND_DEFAULT)
    .describe("Jobs acted on per second, at most."),
  as_of: rfc3339Schema.describe("Only jobs that were accepted, and finished, by this time."),
});
export type BulkInputSchema = z.infer<typeof BulkInputSchema>;

type BulkResult = { action: BulkInputSchema["action"]; matched: number; done: number; skipped: number };

/** How far it is: `after` is the last job it has dealt with. */
type BulkCheckpoint = {
  total: number;
  after: JobPosition | null;
  done: number;
  skipped: number;
};

export const jobsBulk = defineJobType({
  type: BULK_TYPE,
  description:
    "Cancels, replays or deletes all jobs that a filter chooses. POST /v1/bulk submits it, and can count them first.",
  input: BulkInputSchema,
  example: {
    action: "replay",
    filter: { status: ["failed"], type: ["csv.import"] },
    per_second: 10,
    as_of: "2026-11-22T12:00:00.000Z",
  },
  // Parallel ones would multiply the rate.
  uniqueKey: ({ action }) => action,
  attemptTimeoutMs: ATTEMPT_TIMEOUT_MAX_MS,
  // A hundred thousand jobs at one a second take more than a day, and live through deploys.
  totalTimeoutMs: 7 * DAY,
  maxAttempts: 10,
  // The work is idempotent, so unexpected errors are retried.
  alsoRetry: ["internal_error"],
  async run(input, job): Promise<BulkResult | Continuation> {
    const state = (job.checkpoint as BulkCheckpoint | null) ?? (await beginBulk(input, job));
    const filter = toJobFilter(input, toEpochMs(input.as_of));
    reportBulk(state, job);
    const isDone = filter === null || (await actOnAll(input, filter, state, job));
    if (!isDone) return job.continueFrom(state);
    return { action: input.action, matched: state.total, done: state.done, skipped: state.skipped };
  },
});

/** Acts on the jobs after the state's position until the run must end; returns whether none are left. */
async function actOnAll(
  { action, per_second, as_of }: BulkInputSchema,
  filter: JobFilter,
  state: BulkCheckpoint,
  job: JobContext,
): Promise<boolean> {
  const keepPace = createRateLimiter(per_second);
  const act = createExecutor(action, toEpochMs(as_of), job);
  let acted = 0;
  for (;;) {
    const { jobs, next } = await job.jobs.page(filter, state.after, PAGE);
    for (const some of chunk(jobs, Math.min(CONCURRENCY_MAX, per_second))) {
      job.signal.throwIfAborted();
      const done = await act(some);
      state.done += done;
      state.skipped += some.length - done;
      state.after = some.at(-1) ?? state.after;
      acted += some.length;
      reportBulk(state, job);
      await keepPace(some.length, job.signal);
      if (acted >= RUN_JOBS_MAX || job.remainingMs() < RUN_TIME_LEFT_MIN_MS) return false;
    }
    if (next === null) return true;
    state.after = next;
    await job.saveCheckpoint(state);
  }
}

/**
 * The jobs a request chooses, in the states in which its action can be taken; null if there can be none. `asOf` is epoch
 * milliseconds: no job accepted later is chosen.
 */
export function toJobFilter(
  { action, filter }: Pick<BulkInputSchema, "action" | "filter">,
  asOf: number,
): JobFilter | null {
  const able: readonly (typeof bulkStatuses)[number][] = actionable[action];
  const asked = filter.status ?? able;
  const chosen = able.filter((status) => asked.includes(status));
  if (chosen.length === 0 || filter.type?.length === 0) return null;
  const types = filter.type ?? [];
  return {
    statuses: chosen,
    types,
    exceptTypes: [BULK_TYPE],
    createdAfter: filter.created_after === undefined ? null : toEpochMs(filter.created_after),
    createdBefore: Math.min(
      asOf + 1,
      filter.created_before === undefined ? Number.POSITIVE_INFINITY : toEpochMs(filter.created_before),
    ),
    metadata: filter.metadata ?? {},
  };
}

/** Counts once. */
async function beginBulk(input: BulkInputSchema, job: JobContext): Promise<BulkCheckpoint> {
  const filter = toJobFilter(input, toEpochMs(input.as_of));
  const total = filter ? await job.jobs.count(filter) : 0;
  const state = { total, after: null, done: 0, skipped: 0 };
  await job.saveCheckpoint(state);
  return state;
}

/** Acts on some jobs at once, and returns for how many that did something. Throws if too many in a row are not reached. */
function createExecutor(action: BulkInputSchema["action"], asOf: number, job: JobContext) {
  let unreached = 0;
  return async (some: readonly JobPosition[]): Promise<number> => {
    const others = some.map(({ id }) => id).filter((id) => id !== job.id);
    const outcomes = await Promise.allSettled(others.map((id) => job.jobs.act(action, id, asOf)));
    const lost = others.filter((_, at) => outcomes[at]?.status === "rejected");
    unreached = lost.length < others.length ? 0 : unreached + lost.length;
    if (unreached >= UNREACHED_MAX) throw unreachableJobs();
    for (const id of lost) job.log(`${id} could not be reached and was skipped.`, "warn");
    return outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value === "done").length;
  };
}

function unreachableJobs(): JobFailure {
  const message = "Many jobs in a row could not be reached.";
  return new JobFailure("service_unavailable", { code: "jobs_unreachable", message });
}

/** The total is what was counted; jobs that ended meanwhile may make it a little more or less. */
function reportBulk({ total, done, skipped }: BulkCheckpoint, job: JobContext): void {
  const current = done + skipped;
  job.progress({ current, total: Math.max(total, current), unit: "jobs" });
}

/** Waits until the rate since the start is low enough again. */
function createRateLimiter(perSecond: number) {
  const startedAt = now();
  let count = 0;
  return async (more: number, signal: AbortSignal): Promise<void> => {
    count += more;
    const waitMs = startedAt + (count * 1_000) / perSecond - now();
    if (waitMs > 0) await sleep(waitMs, signal);
  };
}

function* chunk<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size);
}
