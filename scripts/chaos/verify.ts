/**
 * The judgement after chaos: every accepted job is found, ended once and as it had to, says so in its events, the
 * job index and its webhook, and did its work neither twice nor not at all.
 */

import { isDeepStrictEqual } from "node:util";
import type { EventView, JobView } from "../../src/rpc/views.ts";
import { type Client, isFinished } from "./client.ts";
import type { Hooks } from "./hooks.ts";
import type { Accepted } from "./load.ts";

export type Fault = { sort: "lost" | "doubled" | "wrong"; what: string };

const FINAL = /^job\.(succeeded|failed|cancelled)$/;

/** What a data job may end as if crashes took all attempts its type has: that, too, is the truth. */
export function isExhaustedByCrashes({ status_reason, attempts }: JobView): boolean {
  const isLost = ({ status, error }: JobView["attempts"][number]) =>
    status === "lost" || error?.kind === "service_unavailable";
  return status_reason === "attempts_exhausted" && attempts.every(isLost);
}

/**
 * Whether a job rightly ended without an attempt: crashes took all its messages until its total timeout had passed, so
 * it was cancelled.
 */
function isCancelledUnbegun({ plan }: Accepted, { status_reason, attempt, ...job }: JobView): boolean {
  const { total_timeout_ms, run_at } = plan.request;
  if (total_timeout_ms === undefined || attempt > 0 || status_reason !== "start_timeout") return false;
  const dueAt = Math.max(Date.parse(run_at ?? job.created_at), Date.parse(job.created_at));
  return Date.parse(job.finished_at ?? "") >= dueAt + total_timeout_ms;
}

/** What is wrong with one job. */
export function faultsOfJob(accepted: Accepted, job: JobView | null, events: EventView[]): Fault[] {
  const { plan, id } = accepted;
  const name = `${plan.kind} ${id}`;
  if (!job) return [{ sort: "lost", what: `${name}: accepted, and not found` }];
  const state = `${name}: ${job.status} ${job.status_reason}, ${job.attempt} attempts`;
  if (!isFinished(job)) return [{ sort: "lost", what: `${state}: did not end` }];
  const { status, status_reason, result } = plan.demanded;
  const finals = events.filter(({ type }) => FINAL.test(type));
  const started = events.filter(({ type }) => type === "job.started");
  const isDemanded = job.status === status && job.status_reason === status_reason;
  const isUnlucky =
    (plan.request.type !== "test.simulate" && isExhaustedByCrashes(job)) || isCancelledUnbegun(accepted, job);
  const claims: [boolean, Fault["sort"], string][] = [
    [finals.length >= 1, "lost", "has no final event"],
    [finals.length <= 1, "doubled", "has more than one final event"],
    [finals[0] === events.at(-1), "wrong", "has events after its final one"],
    [isDemanded || isUnlucky, "wrong", "is not in the demanded state"],
    [result === undefined || isDeepStrictEqual(job.result, result), "wrong", "has another result"],
    [finals[0]?.type === `job.${job.status}`, "wrong", "has the wrong final event"],
    [events.every(({ seq }, index) => seq === index + 1), "wrong", "has gaps in its events"],
    [job.attempt <= job.max_attempts, "wrong", "had too many attempts"],
    [job.attempts.every(({ number }, index) => number === index + 1), "wrong", "miscounts its attempts"],
    [started.length === job.attempt, "wrong", "does not tell every attempt"],
    [
      job.attempts.every(({ finished_at }) => finished_at !== null),
      "wrong",
      "has an attempt that never ended",
    ],
  ];
  return claims
    .filter(([isTrue]) => !isTrue)
    .map(([, sort, fault]) => ({ sort, what: `${state}: ${fault}` }));
}

/** Whether the end of a job was told, and under one id. */
export function faultsOfWebhook({ plan, id }: Accepted, job: JobView, hooks: Hooks): Fault[] {
  if (!plan.request.webhook) return [];
  const ids = hooks.idsOf(id, `job.${job.status}`);
  if (ids.size === 0) return [{ sort: "lost", what: `${plan.kind} ${id}: its end was never delivered` }];
  if (ids.size === 1) return [];
  return [
    {
      sort: "doubled",
      what: `${plan.kind} ${id}: its end was delivered as ${[...ids.keys()].join(" and ")}`,
    },
  ];
}

/** Jobs that owned one unique key at one time. A key is free from the moment its owner has finished. */
export function faultsOfPlaces(jobs: readonly { plan: Accepted["plan"]; job: JobView }[]): Fault[] {
  const byPlace = Map.groupBy(
    jobs.filter(({ plan }) => plan.place !== null),
    ({ plan }) => plan.place,
  );
  return [...byPlace].flatMap(([place, holders]) => {
    const inTurn = holders.map(({ job }) => job).toSorted((a, b) => a.created_at.localeCompare(b.created_at));
    return inTurn.flatMap((job, index): Fault[] => {
      const before = inTurn[index - 1];
      const isFree = !before?.finished_at || before.finished_at <= job.created_at;
      return isFree ? [] : [{ sort: "doubled", what: `${place}: ${before.id} and ${job.id} at one time` }];
    });
  });
}

/** What a list shows of a job. */
function compactOf(job: JobView): object {
  const left = ["input", "input_url", "webhook", "limits", "waiting"];
  return Object.fromEntries(Object.entries(job).filter(([name]) => !left.includes(name)));
}

/** Where the listing and the jobs do not say the same. A large result would be left out; there is none here. */
export function faultsOfListing(jobs: ReadonlyMap<string, JobView>, listed: readonly JobView[]): Fault[] {
  const byId = Map.groupBy(listed, ({ id }) => id);
  return [...jobs].flatMap(([id, job]): Fault[] => {
    const [entry, ...others] = byId.get(id) ?? [];
    if (!entry) return [{ sort: "lost", what: `${id} is not listed` }];
    if (others.length > 0) return [{ sort: "doubled", what: `${id} is listed ${others.length + 1} times` }];
    return isDeepStrictEqual(entry, compactOf(job))
      ? []
      : [
          {
            sort: "wrong",
            what: `${id} is listed as version ${entry.version} ${entry.status}, is ${job.version} ${job.status}`,
          },
        ];
  });
}

/** Whether the datasets and reports have every row, once. `rows` are those of the file that was imported. */
export async function faultsOfData(
  client: Client,
  jobs: readonly { plan: Accepted["plan"]; job: JobView }[],
  rows: number,
): Promise<Fault[]> {
  const done = jobs.filter(({ job }) => job.status === "succeeded");
  const faults: Fault[] = [];
  for (const { plan, job } of done) {
    if (job.type === "csv.import") {
      const { dataset } = plan.request.input as { dataset: string };
      const { rows_imported } = job.result as { rows_imported: number };
      faults.push(...countFaults(`${job.id} imported`, rows_imported, rows));
      faults.push(...countFaults(`${dataset} has`, await rowsIn(client, dataset), rows));
    }
    if (job.type === "report.export")
      faults.push(...countFaults(`${job.id} counted`, await countOf(client, job.id), rows));
  }
  return faults;
}

function countFaults(what: string, count: number, rows: number): Fault[] {
  if (count === rows) return [];
  return [{ sort: count > rows ? "doubled" : "lost", what: `${what} ${count} of ${rows} rows` }];
}

/** How many rows a dataset has, by a report on it. */
async function rowsIn(client: Client, dataset: string): Promise<number> {
  const input = { dataset, metrics: [{ op: "count" }], format: "json", requested_by: `count of ${dataset}` };
  const headers = { Prefer: "wait=9" };
  const { data } = await client.ask<JobView>("POST", "/v1/jobs", { type: "report.export", input }, headers);
  return countOf(client, data.id);
}

async function countOf(client: Client, id: string): Promise<number> {
  const { text } = await client.ask("GET", `/v1/jobs/${id}/result`);
  const [row] = JSON.parse(text) as { count: number }[];
  return row?.count ?? Number.NaN;
}
