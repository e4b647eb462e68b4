/** Contract 7: the list of jobs. Each check marks its jobs with metadata of its own, so that it sees no others. */

import { setTimeout as pause } from "node:timers/promises";
import { claim, Disagreement, equal, matches, shown } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { type Client, dataOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { compactOf, type Job } from "../shapes.ts";

/** The contract's second, and the way there and back. */
const SHOWN_MS = 1_500;

type Page = { jobs: Job[]; next: string | null; link: string | null };

const freshMark = () => `m${crypto.randomUUID().slice(0, 8)}`;
const marked = (mark: string) => ({ metadata: { mark } });

async function page(client: Client, query: string): Promise<Page> {
  const answer = await client.call("GET", `/v1/jobs?${query}`);
  const jobs = dataOf<Job[]>(answer, 200);
  const { next_cursor: next } = answer.json as { next_cursor: string | null };
  return { jobs, next, link: answer.headers.get("Link") };
}

const of = (mark: string, more = "") => `metadata[mark]=${mark}${more}`;
const idsOf = (jobs: Job[]) => jobs.map(({ id }) => id);

/** Lists again until it is as wanted, for as long as a change may take to show; the list then, or a disagreement. */
async function soon(client: Client, query: string, isWanted: (jobs: Job[]) => boolean): Promise<Job[]> {
  for (const overAt = Date.now() + SHOWN_MS; ; await pause(50)) {
    const { jobs } = await page(client, query);
    if (isWanted(jobs)) return jobs;
    if (Date.now() > overAt) throw new Disagreement(`after ${SHOWN_MS} ms the list is ${shown(jobs)}`);
  }
}

/** So many parked jobs of one mark, made one after another, and in the list. */
async function parked({ mine }: Deployment, count: number) {
  const mark = freshMark();
  const jobs: Job[] = [];
  for (let made = 0; made < count; made += 1) jobs.push(await mine.park(marked(mark)));
  await soon(mine, of(mark, "&limit=100"), (listed) => listed.length === count);
  return { mark, jobs };
}

async function newestFirst(deployment: Deployment): Promise<void> {
  const { mark, jobs } = await parked(deployment, 4);
  const { jobs: listed, next } = await page(deployment.mine, of(mark));
  const times = listed.map(({ created_at }) => created_at);
  equal(times, times.toSorted().reverse(), "the order of created_at");
  equal(idsOf(listed).toSorted(), idsOf(jobs).toSorted(), "the jobs");
  equal(next, null, "next_cursor of the only page");
  equal(
    listed.find(({ id }) => id === jobs[0]?.id),
    jobs[0] && compactOf(jobs[0]),
    "a job in the list",
  );
}

async function filters(deployment: Deployment): Promise<void> {
  const { mine, run } = deployment;
  const { mark, jobs } = await parked(deployment, 2);
  const [first, second] = jobs as [Job, Job];
  await mine.cancel(first.id);
  const input = {
    dataset: `conformance_${run}`,
    metrics: [{ op: "count" }],
    format: "csv",
    requested_by: mark,
  };
  const report = await mine.submit("report.export", input, {
    ...marked(mark),
    run_at: second.next_attempt_at,
  });
  await soon(mine, of(mark, "&status=queued"), (listed) => listed.length === 2);
  const listed = async (more: string) => idsOf((await page(mine, of(mark, more))).jobs).toSorted();
  equal(await listed("&status=cancelled"), [first.id], "the cancelled jobs");
  equal(
    await listed("&status=queued&status=cancelled"),
    [first.id, second.id, report.id].toSorted(),
    "both statuses",
  );
  equal(await listed("&type=report.export"), [report.id], "the reports");
  equal(
    await listed("&type=test.simulate&type=report.export&status=queued"),
    [second.id, report.id].toSorted(),
    "two types",
  );
  equal(await listed("&type=csv.import"), [], "a type without jobs");
  equal(await listed("&metadata[other]=x"), [], "another metadata pair");
}

async function createdBetween(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const mark = freshMark();
  const jobs: Job[] = [];
  for (let made = 0; made < 3; made += 1) {
    jobs.push(await mine.park(marked(mark)));
    await pause(20);
  }
  await soon(mine, of(mark), (listed) => listed.length === 3);
  const [first, second, third] = jobs as [Job, Job, Job];
  const after = new Date(Date.parse(first.created_at) + 1).toISOString();
  const before = third.created_at;
  const { jobs: between } = await page(mine, of(mark, `&created_after=${after}&created_before=${before}`));
  equal(idsOf(between), [second.id], "the jobs made in between");
}

async function windowsTile(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { mark, jobs } = await parked(deployment, 3);
  const meeting = jobs[1]?.created_at ?? "";
  for (const time of [meeting, meeting.toLowerCase(), meeting.replace("Z", "%2B00:00")]) {
    const before = await page(mine, of(mark, `&created_before=${time}`));
    const after = await page(mine, of(mark, `&created_after=${time}`));
    const both = [...idsOf(before.jobs), ...idsOf(after.jobs)];
    equal(both.toSorted(), idsOf(jobs).toSorted(), `the jobs before and after ${time}`);
  }
}

async function limits(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { mark } = await parked(deployment, 22);
  equal((await page(mine, of(mark))).jobs.length, 20, "the jobs without a limit");
  equal((await page(mine, of(mark, "&limit=5"))).jobs.length, 5, "the jobs with limit=5");
  const { jobs, next } = await page(mine, "limit=5000");
  claim(jobs.length <= 100, `limit=5000 gave ${jobs.length} jobs`);
  claim(next === null || jobs.length === 100, `limit=5000 gave ${jobs.length} jobs, and there are more`);
}

async function badParameters({ mine }: Deployment): Promise<void> {
  const bad = [
    ...["limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=", "limit=5&limit=6"],
    ...[
      "created_after=yesterday",
      "created_before=2026-02-30T00:00:00Z",
      "status=done",
      "state=queued",
      "page=2",
    ],
    ...[
      "cursor=x&cursor=y",
      "created_after=2026-01-01T00:00:00Z&created_after=2026-01-01T00:00:00Z",
      "Limit=5",
    ],
  ];
  for (const query of bad) {
    const answer = await mine.call("GET", `/v1/jobs?${query}`);
    claim(answer.status === 400, `?${query} is answered ${answer.status}`);
  }
}

async function pages(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const { mark, jobs } = await parked(deployment, 11);
  const seen: string[] = [];
  let query: string | null = of(mark, "&limit=3");
  while (query !== null) {
    const { jobs: listed, next, link }: Page = await page(mine, query);
    seen.push(...idsOf(listed));
    await mine.park(marked(mark));
    if (next === null) {
      equal(link, null, "Link of the last page");
      query = null;
    } else {
      query = of(mark, `&limit=3&cursor=${encodeURIComponent(next)}`);
      matches(link, /^<[^>]+>; *rel="next"$/, "Link");
      const target = new URL(/<([^>]+)>/.exec(link ?? "")?.[1] ?? "", mine.url);
      equal(target.searchParams.get("cursor"), next, "the cursor in Link");
      equal(target.searchParams.get("metadata[mark]"), mark, "the filter in Link");
    }
  }
  equal(new Set(seen).size, seen.length, "the number of different jobs seen");
  const missed = idsOf(jobs).filter((id) => !seen.includes(id));
  equal(missed, [], "jobs that were there at the start and were not seen");
}

async function cursors(deployment: Deployment): Promise<void> {
  const { mine, theirs } = deployment;
  const { mark } = await parked(deployment, 3);
  const { next } = await page(mine, of(mark, "&limit=1"));
  claim(next, "there is no cursor though there is more");
  const middle = Math.floor(next.length / 2);
  const swapped = next[middle] === "A" ? "B" : "A";
  const tampered = next.slice(0, middle) + swapped + next.slice(middle + 1);
  const ask = (client: Client, cursor: string, filter = of(mark)) =>
    client.call("GET", `/v1/jobs?${filter}&limit=1&cursor=${encodeURIComponent(cursor)}`);
  const bad = [
    ...[ask(mine, tampered), ask(mine, next.slice(0, -2)), ask(mine, "nonsense"), ask(mine, "")],
    ...[ask(theirs, next), ask(mine, next, of(mark, "&status=queued")), ask(mine, next, of("other"))],
  ];
  for (const answer of await Promise.all(bad)) problemOf(answer, 400, "invalid_cursor");
  equal((await ask(mine, next)).status, 200, "the status of the cursor itself");
}

async function showsSoon({ mine }: Deployment): Promise<void> {
  const mark = freshMark();
  const { id } = await mine.park(marked(mark));
  await soon(mine, of(mark), (jobs) => jobs[0]?.status === "queued");
  await mine.cancel(id);
  await soon(mine, of(mark), (jobs) => jobs[0]?.status === "cancelled");
  equal((await mine.call("DELETE", `/v1/jobs/${id}`)).status, 204, "the deletion");
  await soon(mine, of(mark), (jobs) => jobs.length === 0);
}

async function finishedAgree({ mine }: Deployment): Promise<void> {
  const mark = freshMark();
  const { id } = await mine.simulate({ result: { small: true } }, marked(mark));
  const job = await mine.finished(id);
  const [listed] = await soon(mine, of(mark), (jobs) => jobs[0]?.status === "succeeded");
  equal(listed, compactOf(job), "a finished job in the list");
}

async function largeResult({ mine }: Deployment): Promise<void> {
  const mark = freshMark();
  const { id } = await mine.simulate({ result: "x".repeat(17 * 1024) }, marked(mark));
  await mine.finished(id);
  const [listed] = await soon(mine, of(mark), (jobs) => jobs[0]?.status === "succeeded");
  claim(listed && !("result" in listed), "a result of 17 KiB stands in the list");
}

async function tenantsApart(deployment: Deployment): Promise<void> {
  const { mark } = await parked(deployment, 1);
  equal((await page(deployment.theirs, of(mark))).jobs, [], "another tenant's list");
}

export const listingChecks: readonly Check[] = [
  check("contract 7", "jobs are listed newest first, as they are", newestFirst),
  check("contract 7", "status and type, both repeatable, and metadata filter", filters),
  check("contract 7", "created_after and created_before filter", createdBetween),
  check(
    "contract 7",
    "two windows that meet lose no job, whatever way RFC 3339 writes the time",
    windowsTile,
  ),
  check("contract 7", "limit: 20 if not given, never more than 100", limits),
  check("contract 7", "unknown, doubled and unreadable parameters are 400", badParameters),
  check("contract 7", "the cursor visits each job once, even while others are added", pages),
  check("contract 7", "a tampered, truncated, foreign or differently filtered cursor is 400", cursors),
  check("contract 7", "a new, changed or deleted job shows so within a second", showsSoon),
  check("contract 7", "a finished job is listed as it is read", finishedAgree),
  check("contract 7", "a result above 16 KiB is left out of the list", largeResult),
  check("contract 7", "another tenant's jobs are not listed", tenantsApart),
];
