/**
 * What a job costs: the real objects live the lives of a few kinds of jobs, and every row, call and message is counted.
 * The table in docs/running/costs.md is written from here (`npm run cost`); a change that makes jobs dearer, or cheaper, fails
 * until it is written anew.
 */

import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import costs from "../../docs/running/costs.md?raw";
import type { Submission } from "../../src/core/job.ts";
import { MINUTE } from "../../src/core/time.ts";
import { policy, stopClock } from "../support/objects.ts";
import { type Life, openTenant, type Tenant } from "./lives.ts";
import { bill, billed, type Counts } from "./meter.ts";
import { priceOf, secondsAwake } from "./prices.ts";

const NAME = "unique/export";
const UNFOLLOWED = "Ten minutes with progress";
const FOLLOWED = "The same, with an SSE subscriber";

beforeAll(stopClock);
afterAll(() => void vi.useRealTimers());

type Kind = {
  asked?: Partial<Submission>;
  /** Time between two submissions. */
  apartMs?: number;
  jobs?: number;
  live: (tenant: Tenant, life: Life) => Promise<void>;
};

async function plainly(tenant: Tenant, life: Life): Promise<void> {
  await tenant.start(life);
  await tenant.succeed(life);
  await settle();
  await tenant.publish(life);
}

async function inThreeAttempts(tenant: Tenant, life: Life): Promise<void> {
  await tenant.start(life);
  await tenant.fail(life, 1);
  await tenant.publish(life);
  await tenant.live(20_000);
  await tenant.start(life, 2);
  await tenant.fail(life, 2);
  await tenant.live(20_000);
  await tenant.start(life, 3);
  await tenant.succeed(life, 3);
}

/** Long enough for one attempt of ten minutes. */
const patient = { ...policy, attemptTimeoutMs: 14 * MINUTE };

async function slowly(tenant: Tenant, life: Life): Promise<void> {
  await tenant.publish(life);
  await tenant.runForTenMinutes(life);
}

async function followed(tenant: Tenant, life: Life): Promise<void> {
  bill("workerRequests");
  const feed = await life.api().fetch("https://job/events?after=0", { headers: { Upgrade: "websocket" } });
  feed.webSocket?.accept();
  await slowly(tenant, life);
}

async function delivered(tenant: Tenant, life: Life): Promise<void> {
  await plainly(tenant, life);
  await tenant.deliver(life);
}

const webhook = { url: "https://hooks.example.com/", events: ["job.succeeded"] as const };

const kinds: Record<string, Kind> = {
  "Plain, ten a second": { apartMs: 100, jobs: 40, live: plainly },
  "Plain, one a minute": { jobs: 20, live: plainly },
  "With an idempotency key": { asked: { fingerprint: "the request" }, jobs: 20, live: plainly },
  "With a unique key": {
    asked: { uniqueKeys: [{ rule: "unique_key", name: NAME }] },
    jobs: 20,
    live: plainly,
  },
  "Three attempts": { jobs: 20, live: inThreeAttempts },
  [UNFOLLOWED]: { asked: { policy: patient }, jobs: 1, live: slowly },
  [FOLLOWED]: { asked: { policy: patient }, jobs: 1, live: followed },
  "With a webhook, delivered at once": { asked: { webhook }, jobs: 20, live: delivered },
};

/** What one job of the kind costs, of several that a tenant has submitted so far apart. */
async function ledgerOf({ asked = {}, live, apartMs = MINUTE, jobs = 4 }: Kind): Promise<Counts> {
  const tenant = openTenant();
  await tenant.warmUp();
  const counts = await billed(async () => {
    for (let n = 0; n < jobs; n += 1) {
      await live(tenant, await tenant.submit({ policy, ...asked }));
      await settle();
      await tenant.live(apartMs);
    }
    await tenant.outlive();
  });
  const names = Object.keys(counts) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, counts[name] / jobs])) as Counts;
}

/** What was sent without being waited for arrives. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await scheduler.wait(2);
}

const headings = [
  "Job",
  "Worker requests",
  "Object requests",
  "Rows written",
  "Rows read",
  "Queue operations",
];

function rowOf(name: string, counts: Counts): string {
  const { workerRequests, objectRequests, rowsWritten, rowsRead, queueOperations } = counts;
  const numbers = [
    workerRequests,
    objectRequests,
    rowsWritten,
    rowsRead,
    queueOperations,
    secondsAwake(counts),
  ];
  const cells = [
    ...numbers.map((number) => String(Math.round(number * 100) / 100)),
    priceOf(counts).toFixed(2),
  ];
  return `| ${[name, ...cells].join(" | ")} |`;
}

function tableOf(ledger: Record<string, Counts>): string {
  return [
    `| ${[...headings, "Seconds awake", "US$ per million"].join(" | ")} |`,
    `| --- | ${headings.map(() => "---:").join(" | ")} | ---: |`,
    ...Object.entries(ledger).map(([name, counts]) => rowOf(name, counts)),
  ].join("\n");
}

/** The price that docs/running/costs.md tells of a kind of job. */
function documented(name: string): number {
  const row = costs.split("\n").find((line) => line.startsWith(`| ${name} |`));
  return Number(row?.split("|").at(-2));
}

function raise(name: string): never {
  throw new Error(`${name} is not in the ledger`);
}

const ledger: Record<string, Counts> = {};
const price = (name: string) => priceOf(ledger[name] ?? raise(name));

beforeAll(async () => {
  for (const [name, kind] of Object.entries(kinds)) ledger[name] = await ledgerOf(kind);
  console.log(tableOf(ledger));
}, 60_000);

const isWriting = env.COST_WRITE === "true";

/** What is written together depends a little on when; a row more is a tenth of a plain job's price. */
const TOLERANCE = 0.04;

test.runIf(isWriting)("the ledger is written", async () => {
  const written = costs.replace(
    /(<!-- ledger -->\n)[\s\S]*?(<!-- \/ledger -->)/,
    `$1\n${tableOf(ledger)}\n\n$2`,
  );
  await expect(written).toMatchFileSnapshot("../../docs/running/costs.md");
});

test.skipIf(isWriting).each(Object.keys(kinds))(
  "docs/running/costs.md has the price of a job: %s",
  (name) => {
    expect(Math.abs(price(name) / documented(name) - 1)).toBeLessThan(TOLERANCE);
  },
);

test("a plain job, its listing and purge included, costs at most 11 dollars a million", () => {
  expect(price("Plain, ten a second")).toBeLessThanOrEqual(11);
});

test("being followed for ten minutes adds at most one", () => {
  expect(price(FOLLOWED) - price(UNFOLLOWED)).toBeLessThanOrEqual(1);
});
