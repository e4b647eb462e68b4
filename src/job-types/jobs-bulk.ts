/**
 * `jobs.bulk`: cancels, replays or deletes every job that a filter chooses, at a pace that floods nobody.
 * It counts first, remembers how far it is, and acts only on jobs that were there when it began; a job it has acted on
 * twice, because it was interrupted, is none the worse for it.
 */

import { z } from "zod";
import { now, pause } from "../lib/world.ts";
import {
  ATTEMPT_LIMIT_MAX_MS,
  defineJobType,
  type JobContext,
  type JobFilter,
  type JobPosition,
  MINUTE,
} from "./define.ts";

const PER_SECOND_DEFAULT = 20;
const PAGE = 100;
const AT_ONCE_MAX = 10;

/** With less time than this left, the work goes on in a new slice. */
const SLICE_LEFT_MS = MINUTE;

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

/** How far it is. `before` is when it began, epoch milliseconds; `after` the last job it has dealt with. */
type Checkpoint = { before: number; total: number; after: JobPosition | null; done: number; skipped: number };

export const jobsBulk = defineJobType({
  type: "jobs.bulk",
  description:
    "Cancels, replays or deletes all jobs that a filter chooses. POST /v1/bulk submits it, and can count them first.",
  input: BulkInput,
  example: { action: "replay", filter: { status: ["failed"], type: ["csv.import"] }, per_second: 10 },
  attemptLimitMs: ATTEMPT_LIMIT_MAX_MS,
  async run(input, job) {
    const state = (job.checkpoint as Checkpoint | null) ?? (await begin(input, job));
    const filter = chosenBy(input, state.before);
    const keepPace = pacer(input.per_second);
    while (filter) {
      report(state, job);
      const { ids, next } = await job.jobs.page(filter, state.after, PAGE);
      for (const some of inGroups(ids, Math.min(AT_ONCE_MAX, input.per_second))) {
        job.signal.throwIfAborted();
        await act(input.action, some, state, job);
        report(state, job);
        await keepPace(some.length, job.signal);
      }
      if (next === null) break;
      state.after = next;
      if (job.remainingMs() < SLICE_LEFT_MS) return job.continueLater(state);
      await job.saveCheckpoint(state);
    }
    return { action: input.action, matched: state.total, done: state.done, skipped: state.skipped };
  },
});

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
  if (chosen.length === 0) return null;
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

async function act(
  action: BulkInput["action"],
  ids: string[],
  state: Checkpoint,
  job: JobContext,
): Promise<void> {
  const others = ids.filter((id) => id !== job.id);
  const outcomes = await Promise.all(others.map((id) => job.jobs.act(action, id)));
  state.done += outcomes.filter((outcome) => outcome === "done").length;
  state.skipped += ids.length - outcomes.filter((outcome) => outcome === "done").length;
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
