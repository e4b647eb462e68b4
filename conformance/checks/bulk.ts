/** Contract 7: one action on all jobs of a filter, itself a job. */

import { setTimeout as pause } from "node:timers/promises";
import { claim, Disagreement, equal } from "../assertions.ts";
import { type Check, check, inLine } from "../check.ts";
import { dataOf, jobOf, pointsAt, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import type { Job } from "../shapes.ts";

/** How long a job may take to show in the list, of which a bulk action makes its count. */
const SHOWN_MS = 2_000;

const bulk = ({ mine }: Deployment, json: unknown) => mine.call("POST", "/v1/bulk", { json });

/** So many parked jobs that one filter finds, and does find. */
async function herd(deployment: Deployment, count: number, fields: object = {}) {
  const metadata = { herd: `h${crypto.randomUUID().slice(0, 8)}` };
  const { mine } = deployment;
  const jobs = await Promise.all(Array.from({ length: count }, () => mine.park({ metadata, ...fields })));
  const filter = { metadata };
  await counted(deployment, { action: "cancel", filter }, count);
  return { jobs, filter };
}

/** Counts by dry runs until the number is as wanted. */
async function counted(deployment: Deployment, request: object, wanted: number): Promise<void> {
  for (const overAt = Date.now() + SHOWN_MS; ; await pause(50)) {
    const { count } = dataOf<{ count: number }>(await bulk(deployment, { ...request, dry_run: true }), 200);
    if (count === wanted) return;
    if (Date.now() > overAt) throw new Disagreement(`the dry run counts ${count} instead of ${wanted}`);
  }
}

async function statuses({ mine }: Deployment, jobs: Job[]): Promise<string[]> {
  return (await Promise.all(jobs.map(({ id }) => mine.read(id)))).map(({ status }) => status);
}

async function dryRun(deployment: Deployment): Promise<void> {
  const { jobs } = await herd(deployment, 3);
  equal(await statuses(deployment, jobs), ["queued", "queued", "queued"], "the jobs after a dry run");
}

async function cancelsAll(deployment: Deployment): Promise<void> {
  const { jobs, filter } = await herd(deployment, 5);
  const answer = await bulk(deployment, {
    action: "cancel",
    filter: { ...filter, status: ["queued", "running"] },
  });
  const { id, type } = jobOf(answer, 202);
  equal(type, "jobs.bulk", "the type");
  equal(answer.headers.get("Location"), `/v1/jobs/${id}`, "Location");
  const done = await deployment.mine.finished(id);
  equal([done.status, done.progress?.current, done.progress?.total], ["succeeded", 5, 5], "the bulk job");
  equal(new Set(await statuses(deployment, jobs)), new Set(["cancelled"]), "the jobs");
}

async function replaysAll(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { jobs, filter } = await herd(deployment, 2);
  for (const { id } of jobs) await mine.cancel(id);
  const request = { action: "replay", filter: { ...filter, status: ["cancelled"] } };
  await counted(deployment, request, 2);
  const { id } = jobOf(await bulk(deployment, request), 202);
  equal((await mine.finished(id)).status, "succeeded", "the bulk job");
  await counted(deployment, { action: "delete", filter }, 4);
  const query = new URLSearchParams({ "metadata[herd]": filter.metadata.herd });
  const listed = dataOf<Job[]>(await mine.call("GET", `/v1/jobs?${query}`), 200);
  const sources = listed.flatMap(({ replayed_from }) => replayed_from ?? []);
  equal(sources.toSorted(), jobs.map((job) => job.id).toSorted(), "what was replayed");
  for (const made of listed.filter(({ replayed_from }) => replayed_from))
    await mine.call("POST", `/v1/jobs/${made.id}/cancel`);
  const cleaning = await bulk(deployment, { action: "delete", filter });
  await mine.finished(jobOf(cleaning, 202).id);
}

async function deletesAll(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { jobs, filter } = await herd(deployment, 3);
  for (const { id } of jobs) await mine.cancel(id);
  const request = { action: "delete", filter: { ...filter, status: ["cancelled"], type: ["test.simulate"] } };
  await counted(deployment, request, 3);
  const { id } = jobOf(await bulk(deployment, request), 202);
  equal((await mine.finished(id)).status, "succeeded", "the bulk job");
  for (const job of jobs) problemOf(await mine.call("GET", `/v1/jobs/${job.id}`), 404, "not_found");
}

async function isCancellable(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { jobs, filter } = await herd(deployment, 8);
  const { id } = jobOf(await bulk(deployment, { action: "cancel", filter, per_second: 1 }), 202);
  await mine.until(id, ({ status }) => status === "running");
  jobOf(await mine.cancel(id), 200);
  await mine.until(id, ({ cancellation }) => Boolean(cancellation?.acknowledged_at));
  const left = (await statuses(deployment, jobs)).filter((status) => status === "queued");
  claim(
    left.length >= 4,
    `${jobs.length - left.length} of ${jobs.length} jobs were done though it was stopped`,
  );
}

async function asConfirmed(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { jobs, filter } = await herd(deployment, 2);
  const request = { action: "cancel", filter };
  const confirmed = await bulk(deployment, { ...request, dry_run: true });
  const { as_of } = dataOf<{ as_of: string }>(confirmed, 200);
  await pause(10);
  const late = await mine.park({ metadata: filter.metadata });
  await counted(deployment, request, 3);
  const { id } = jobOf(await bulk(deployment, { ...request, as_of }), 202);
  const { matched, done } = (await mine.finished(id)).result as { matched: number; done: number };
  equal([matched, done], [2, 2], "what was done of three");
  equal(new Set(await statuses(deployment, jobs)), new Set(["cancelled"]), "the jobs that were counted");
  equal(await statuses(deployment, [late]), ["queued"], "the job that came after the count");
  const future = new Date(Date.now() + 60_000).toISOString();
  pointsAt(await bulk(deployment, { ...request, as_of: future }), "#/as_of");
}

async function neverOfItself(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  for (const action of ["cancel", "replay", "delete"])
    pointsAt(await bulk(deployment, { action, filter: { type: ["jobs.bulk"] } }), "#/filter/type");
  const input = { action: "replay", filter: {}, as_of: new Date().toISOString() };
  problemOf(
    await mine.call("POST", "/v1/jobs", { json: { type: "jobs.bulk", input } }),
    422,
    "unknown_job_type",
  );
}

async function oneAtATime(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { filter } = await herd(deployment, 4);
  const none = { metadata: { none: "none" } };
  const { id } = jobOf(await bulk(deployment, { action: "cancel", filter, per_second: 1 }), 202);
  equal(
    problemOf(await bulk(deployment, { action: "cancel", filter: none }), 409, "duplicate_job").job_id,
    id,
    "job_id",
  );
  jobOf(await bulk(deployment, { action: "replay", filter: none }), 202);
  jobOf(await mine.cancel(id), 200);
  await mine.finished(id);
}

async function refused(deployment: Deployment): Promise<void> {
  const filter = { metadata: { none: "none" } };
  pointsAt(await bulk(deployment, { action: "pause", filter }), "#/action");
  pointsAt(await bulk(deployment, { action: "cancel", filter: { state: ["queued"] } }), "#/filter/state");
  pointsAt(await bulk(deployment, { action: "cancel", filter, dry: true }), "#/dry");
  pointsAt(await bulk(deployment, { action: "cancel" }), "#/filter");
  pointsAt(await bulk(deployment, { action: "cancel", filter, per_second: 0 }), "#/per_second");
}

export const bulkChecks: readonly Check[] = inLine("bulk", [
  check("contract 7", "bulk: a dry run counts and does nothing", dryRun),
  check("contract 7", "bulk: cancel is a job of type jobs.bulk whose progress counts", cancelsAll),
  check("contract 7", "bulk: replay makes a new job of each", replaysAll),
  check("contract 7", "bulk: delete removes all of them", deletesAll),
  check("contract 7", "bulk: the job can be cancelled, and what was not reached is left", isCancellable),
  check("contract 7", "bulk: as_of leaves out what came after the count", asConfirmed),
  check("contract 7", "bulk: no bulk job is ever chosen, and only /v1/bulk makes one", neverOfItself),
  check("contract 7", "bulk: one unfinished bulk job per action, otherwise 409", oneAtATime),
  check("contract 7", "bulk: unknown actions, fields and rates are 422", refused),
]);
