/**
 * `jobs.bulk`: cancels, replays or deletes every job that a filter chooses, at a pace that floods nobody.
 * It counts first, remembers how far it is, and acts only on jobs that were there when it began; a job it has acted on
 * twice, because it was interrupted, is none the worse for it.
 */

import { z } from "zod";
import { now, pause } from "../lib/world.ts";
import {
  ATTEMPT_LIMIT_MAX_MS,
  type ContinueLater,
  DAY,
  defineJobType,
  type JobContext,
  JobFailure,
  type JobFilter,
  type JobPosition,
  MINUTE,
} from "./define.ts";

const PER_SECOND_DEFAULT = 20;
const PAGE = 100;
const AT_ONCE_MAX = 10;

/** With less time than this left, the work goes on in a new slice. */
const SLICE_LEFT_MS = MINUTE;

/** And after so many jobs: one invocation, which ten runs may share, makes at most 10,000 calls, and each job takes 1 to 3. */
const SLICE_JOBS_MAX = 250;

/** A job that cannot be reached is skipped; so many in a row are an outage, to be waited out. */
const UNREACHED_MAX = 10;

const statuses = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
const finished = ["succeeded", "failed", "cancelled"] as const;

/** The states in which each action can be taken. */
const actionable = { cancel: ["queued", "running"], replay: finished, delete: finished } as const;

const time = z.iso.datetime({ offset: true });

/** Which jobs; what is left out asks for nothing. */
export const BulkFilter = z
  .strictObject({
    status: z.array(z.enum(statuses)).optional().describe("Jobs in any of these states."),
    type: z.array(z.string().min(1)).max(50).optional().describe("Jobs of any of these types."),
    created_after: time.optional(),
    created_before: time.optional(),
    metadata: z.record(z.string(), z.string()).optional().describe("Jobs with all of these pairs."),
  })
  .describe("Which jobs; those in a state in which the action makes no sense are left out.");

export const BulkInput = z.strictObject({
  action: z.enum(["cancel", "replay", "delete"]),
  filter: BulkFilter,
  per_second: z
    .int()
    .min(1)
    .max(100)
    .default(PER_SECOND_DEFAULT)
    .describe("Jobs acted on per second, at most."),
});
export type BulkInput = z.infer<typeof BulkInput>;

type Result = { action: BulkInput["action"]; matched: number; done: number; skipped: number };

/** How far it is. `before` is when it began, epoch milliseconds; `after` the last job it has dealt with. */
type Checkpoint = { before: number; total: number; after: JobPosition | null; done: number; skipped: number };

export const jobsBulk = defineJobType({
  type: "jobs.bulk",
  description:
    "Cancels, replays or deletes all jobs that a filter chooses. POST /v1/bulk submits it, and can count them first.",
  input: BulkInput,
  example: { action: "replay", filter: { status: ["failed"], type: ["csv.import"] }, per_second: 10 },
  attemptLimitMs: ATTEMPT_LIMIT_MAX_MS,
  // A hundred thousand jobs at one a second take more than a day, and live through deploys.
  timeLimitMs: 7 * DAY,
  maxAttempts: 10,
  // Repeating does no harm here, so what nobody foresaw may be tried again, too.
  alsoRetry: ["internal_error"],
  async run(input, job): Promise<Result | ContinueLater> {
    const state = (job.checkpoint as Checkpoint | null) ?? (await begin(input, job));
    const filter = chosenBy(input, state.before);
    report(state, job);
    const isDone = filter === null || (await actOnAll(input, filter, state, job));
    if (!isDone) return job.continueLater(state);
    return { action: input.action, matched: state.total, done: state.done, skipped: state.skipped };
  },
});

/** Acts on all jobs after the state's position, as far as a slice goes; says whether those were all. */
async function actOnAll(
  { action, per_second }: BulkInput,
  filter: JobFilter,
  state: Checkpoint,
  job: JobContext,
): Promise<boolean> {
  const keepPace = pacer(per_second);
  const act = actor(action, job);
  let acted = 0;
  for (;;) {
    const { jobs, next } = await job.jobs.page(filter, state.after, PAGE);
    for (const some of inGroups(jobs, Math.min(AT_ONCE_MAX, per_second))) {
      job.signal.throwIfAborted();
      const done = await act(some);
      state.done += done;
      state.skipped += some.length - done;
      state.after = some.at(-1) ?? state.after;
      acted += some.length;
      report(state, job);
      await keepPace(some.length, job.signal);
      if (acted >= SLICE_JOBS_MAX || job.remainingMs() < SLICE_LEFT_MS) return false;
    }
    if (next === null) return true;
    state.after = next;
    await job.saveCheckpoint(state);
  }
}

/**
 * The jobs a request chooses, in the states in which its action can be taken; null if there can be none.
 * `before` is epoch milliseconds: only jobs made earlier are chosen.
 */
export function chosenBy(
  { action, filter }: Pick<BulkInput, "action" | "filter">,
  before: number,
): JobFilter | null {
  const able: readonly (typeof statuses)[number][] = actionable[action];
  const asked = filter.status ?? able;
  const chosen = able.filter((status) => asked.includes(status));
  if (chosen.length === 0 || filter.type?.length === 0) return null;
  const types = filter.type ?? [];
  return {
    statuses: chosen,
    types,
    exceptTypes: types.length === 0 ? ["jobs.bulk"] : [],
    createdAfter: filter.created_after === undefined ? null : Date.parse(filter.created_after),
    createdBefore: Math.min(
      before,
      filter.created_before === undefined ? before : Date.parse(filter.created_before),
    ),
    metadata: filter.metadata ?? {},
  };
}

/** Counts, and remembers when it began before anything is done: what it makes itself is thereby left alone. */
async function begin(input: BulkInput, job: JobContext): Promise<Checkpoint> {
  const before = now();
  const filter = chosenBy(input, before);
  const total = filter ? await job.jobs.count(filter) : 0;
  const state = { before, total, after: null, done: 0, skipped: 0 };
  await job.saveCheckpoint(state);
  return state;
}

/** Acts on some jobs at once, and returns for how many that did something. Throws if too many in a row are not reached. */
function actor(action: BulkInput["action"], job: JobContext) {
  let unreached = 0;
  return async (some: readonly JobPosition[]): Promise<number> => {
    const others = some.map(({ id }) => id).filter((id) => id !== job.id);
    const outcomes = await Promise.allSettled(others.map((id) => job.jobs.act(action, id)));
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
function report({ total, done, skipped }: Checkpoint, job: JobContext): void {
  const current = done + skipped;
  job.progress({ current, total: Math.max(total, current), unit: "jobs" });
}

/** Waits as long as it takes for so many jobs not to have been too many per second. */
function pacer(perSecond: number) {
  const startedAt = now();
  let count = 0;
  return async (more: number, signal: AbortSignal): Promise<void> => {
    count += more;
    const waitMs = startedAt + (count * 1_000) / perSecond - now();
    if (waitMs > 0) await pause(waitMs, signal);
  };
}

function* inGroups<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let first = 0; first < items.length; first += size) yield items.slice(first, first + size);
}
