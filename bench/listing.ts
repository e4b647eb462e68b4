/**
 * Listing one tenant's jobs: 10,000 finished jobs page by page through the API, pages under 300 updates a second, and
 * the cost of a page per filter inside the index object as the tenant grows to 100,000 jobs.
 */

import type { JobFilter, JobPosition } from "../src/rpc/index-entry.ts";
import { type Benchmark, ensure, figure, type Row } from "./benchmark.ts";
import { type Client, openClient } from "./client.ts";
import { MADE_MS_AGO, madeAt } from "./listing/entries.ts";
import type { Filling, PageAsked, PageCost } from "./listing/index.ts";
import { median, percentile } from "./load.ts";
import type { Native } from "./native.ts";
import { keysUnderLoad, startNativeService } from "./side-by-side.ts";

const sizes = [1_000, 10_000, 100_000];
const FILL_AT_ONCE = 1_000;

const UPDATES_PER_SECOND = 300;
const TOTAL = UPDATES_PER_SECOND * 10;

/** Each page is read TIMES in a row inside the object, so that the call to it hardly counts. */
const PAGE_GOAL_MS = 50;
const TIMES = 50;

export const listing: Benchmark = {
  name: "listing",
  title: "Listing one tenant's jobs",
  async run() {
    const native = await startNativeService("bench/listing/index.ts");
    try {
      return await measure(native);
    } finally {
      await native.stop();
    }
  },
};

type IndexAccess = ReturnType<typeof openIndexAccess>;
type Cost = PageCost & { ms: number };

async function measure({ url }: Native): Promise<Row[]> {
  const client = openClient(url, keysUnderLoad().acme.full);
  const startAt = Date.now() - MADE_MS_AGO;
  const access = openIndexAccess(url, startAt);
  const costs = new Map<string, Cost[]>();
  const rows: Row[] = [];
  for (const size of sizes) {
    await access.fillTo(size);
    for (const [what, asked] of questions(size, startAt))
      costs.set(what, [...(costs.get(what) ?? []), await access.cost(asked)]);
    if (size === 10_000) rows.push(await pageByPage(client, size), ...(await underUpdates(client, access)));
  }
  return [...rows, ...[...costs].map(([what, found]) => costRow(what, found))];
}

/** Access to the index object past the API. */
function openIndexAccess(url: string, startAt: number) {
  let jobs = 0;

  async function ask<Answer>(what: string, asked: object): Promise<Answer> {
    const answer = await fetch(`${url}/bench/${what}`, { method: "POST", body: JSON.stringify(asked) });
    if (!answer.ok) throw new Error(`/bench/${what}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { value: Answer }).value;
  }

  return {
    /** Fills the index up to `size` jobs. */
    async fillTo(size: number): Promise<void> {
      while (jobs < size) {
        const count = Math.min(FILL_AT_ONCE, size - jobs);
        await ask("fill", { startAt, first: jobs, count } satisfies Filling);
        jobs += count;
      }
      await this.ensureAllListed();
    },
    /** Publishes one more job as its object would. */
    publish: () => ask("publish", { startAt, first: jobs++, count: 1 } satisfies Filling),
    async ensureAllListed(): Promise<void> {
      const listed = await ask<number>("count", all);
      ensure(listed === jobs, `${listed} of ${jobs} jobs are listed`);
    },
    async cost(asked: Omit<PageAsked, "times">): Promise<Cost> {
      const askedAt = performance.now();
      const cost = await ask<PageCost>("cost", { ...asked, times: TIMES } satisfies PageAsked);
      return { ...cost, ms: (performance.now() - askedAt) / TIMES };
    },
  };
}

const all: JobFilter = { statuses: [], types: [], createdAfter: null, createdBefore: null, metadata: {} };

/** Every kind of filter, alone and combined, and a page from the middle. */
function questions(size: number, startAt: number): [string, Omit<PageAsked, "times">][] {
  const middle = madeAt(size / 2, startAt);
  const filters: [string, Partial<JobFilter>, JobPosition?][] = [
    ["no filter", {}],
    ["no filter, from the middle on", {}, { createdAt: middle, id: "" }],
    ["one status", { statuses: ["failed"] }],
    ["one type", { types: ["csv.import"] }],
    [
      "two statuses and two types",
      { statuses: ["failed", "cancelled"], types: ["csv.import", "test.simulate"] },
    ],
    ["a span of time", { createdAfter: madeAt(size / 4, startAt), createdBefore: middle }],
    ["metadata of 1 in 10", { metadata: { customer: "c7" } }],
    ["metadata of 1 in 10, one status", { metadata: { customer: "c7" }, statuses: ["cancelled"] }],
    ["two pairs, few with both", { metadata: { customer: "c7", marked: "yes" } }],
    ["no match", { metadata: { customer: "absent" } }],
  ];
  return filters.map(([what, filter, after]) => [
    what,
    { filter: { ...all, ...filter }, after: after ?? null },
  ]);
}

/** Follows the cursor from the first page to the last. Every job must be listed exactly once. */
async function pageByPage(client: Client, size: number): Promise<Row> {
  const ids = new Set<string>();
  const times: number[] = [];
  let listed = 0;
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await readPage(client, `limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    for (const { id } of page.data) ids.add(id);
    listed += page.data.length;
    times.push(page.ms);
    cursor = page.next_cursor;
  }
  ensure(
    ids.size === size && listed === size,
    `${ids.size} of ${size} jobs were listed, ${listed} entries in all`,
  );
  const seconds = times.reduce((sum, ms) => sum + ms) / 1_000;
  const what = `${size.toLocaleString("en")} finished jobs in ${times.length} pages of 100`;
  return { what, service: `${figure(seconds, "s")}, a page ${figure(median(times), "ms")}` };
}

type PageRead = { data: { id: string }[]; next_cursor: string | null; ms: number };

async function readPage(client: Client, query: string): Promise<PageRead> {
  const askedAt = performance.now();
  const answer = await client.ask("GET", `/v1/jobs?${query}`);
  const page = (await answer.json()) as Omit<PageRead, "ms">;
  return { ...page, ms: performance.now() - askedAt };
}

/** Pages read one after another, first idle, then while jobs are published at a steady rate. */
async function underUpdates(client: Client, access: IndexAccess): Promise<Row[]> {
  const times = async (isOver: () => boolean) => {
    const found: number[] = [];
    while (!isOver()) found.push((await readPage(client, "limit=20")).ms);
    return found;
  };
  const idle: number[] = await times(after(1_000));
  const published: Promise<unknown>[] = [];
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const due = Math.min(TOTAL, ((performance.now() - startedAt) * UPDATES_PER_SECOND) / 1_000);
    while (published.length < due) published.push(access.publish());
  }, 10);
  const busy = await times(() => published.length >= TOTAL);
  const seconds = (performance.now() - startedAt) / 1_000;
  clearInterval(timer);
  await Promise.all(published);
  await access.ensureAllListed();
  const rate = figure(TOTAL / seconds, "updates/s");
  const text = (ms: number[]) =>
    `${figure(median(ms), "ms")}, 99 % within ${figure(percentile(ms, 0.99), "ms")}`;
  return [
    { what: "a page of 20, idle", service: text(idle) },
    { what: `a page of 20, under ${rate}`, service: text(busy) },
  ];
}

function after(ms: number): () => boolean {
  const startedAt = performance.now();
  return () => performance.now() - startedAt >= ms;
}

/** Rows read for a page as the tenant grows. More than twice those of the previous size is growth. */
function costRow(what: string, found: Cost[]): Row {
  const [last] = found.slice(-1);
  const [before] = found.slice(-2);
  ensure(last !== undefined && before !== undefined, `nothing was found for ${what}`);
  const isMet = last.ms < PAGE_GOAL_MS && last.rowsRead <= 2 * Math.max(before.rowsRead, 20);
  const rowsRead = found.map((cost) => cost.rowsRead.toLocaleString("en")).join(", ");
  return {
    what: `${what}: a page of ${last.jobs}`,
    service: `${figure(last.ms, "ms")}; rows read ${rowsRead}`,
    goal: { text: `< ${PAGE_GOAL_MS} ms, no growth`, isMet },
  };
}
