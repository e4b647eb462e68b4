/**
 * What a job costs: the real objects run the life of a few kinds of jobs, and every row, call and message is counted.
 * `npm run cost` writes the table in docs/running/costs.md. A change of the price fails until the table is written again.
 */

import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import costs from "../../docs/running/costs.md?raw";
import type { Submission } from "../../src/core/job.ts";
import { MINUTE, SECOND } from "../../src/core/time.ts";
import { stopClock } from "../support/objects.ts";
import { type Life, openTenant, type Tenant } from "./lives.ts";
import { bill, billed, type Counts } from "./meter.ts";
import { priceOf, secondsAwake } from "./prices.ts";

const NAME = "unique/export";
const UNSUBSCRIBED = "Ten minutes with progress";
const SUBSCRIBED = "The same, with an SSE subscriber";

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

const IDLE_PACE_MS = 10 * SECOND;

async function slowly(tenant: Tenant, life: Life): Promise<void> {
  await tenant.publish(life);
  await tenant.runFor(life, 10, IDLE_PACE_MS);
  await tenant.succeed(life);
}

async function followed(tenant: Tenant, life: Life): Promise<void> {
  bill("workerRequests");
  const feed = await life.api().fetch("https://job/events?after=0", { headers: { Upgrade: "websocket" } });
  feed.webSocket?.accept();
  await tenant.publish(life);
  await tenant.runFor(life, 10, SECOND);
  await tenant.succeed(life);
}

/** Five runs of twelve minutes, because none may last longer than fourteen. */
async function forAnHour(tenant: Tenant, life: Life): Promise<void> {
  await tenant.publish(life);
  for (let continuation = 0; continuation < 5; continuation += 1) {
    if (continuation > 0) await tenant.pause(life, continuation - 1);
    await tenant.runFor(life, 12, IDLE_PACE_MS, continuation);
  }
  await tenant.succeed(life, 5);
}

async function delivered(tenant: Tenant, life: Life): Promise<void> {
  await plainly(tenant, life);
  await tenant.deliver(life);
}

const queue = { name: "ledger", scope: "tenant", key: null, priority: 0, weight: 1 } as const;
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
  "In a queue, with a slot free": { asked: { queue }, jobs: 20, live: plainly },
  "Three attempts": { jobs: 20, live: inThreeAttempts },
  [UNSUBSCRIBED]: { jobs: 1, live: slowly },
  [SUBSCRIBED]: { jobs: 1, live: followed },
  "One hour with progress": { jobs: 1, live: forAnHour },
  "With a webhook, delivered at once": { asked: { webhook }, jobs: 20, live: delivered },
};

/** The average counts of a job of this kind, submitted by one tenant at this interval. */
async function ledgerOf({ asked = {}, live, apartMs = MINUTE, jobs = 4 }: Kind): Promise<Counts> {
  const tenant = openTenant();
  await tenant.warmUp();
  const counts = await billed(async () => {
    for (let n = 0; n < jobs; n += 1) {
      const life = await tenant.submit(asked);
      await live(tenant, life);
      await settle();
      await tenant.billStorage(life);
      await tenant.live(apartMs);
    }
    await tenant.outlive();
  });
  const names = Object.keys(counts) as (keyof Counts)[];
  return Object.fromEntries(names.map((name) => [name, counts[name] / jobs])) as Counts;
}

/** Lets calls that are not awaited arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await scheduler.wait(2);
}

const SLOW_CALL_SECONDS = 0.05;

/** What the table says of a kind of job, by heading. */
const columns: Record<string, (counts: Counts) => number> = {
  "Worker requests": ({ workerRequests }) => workerRequests,
  "Object requests": ({ objectRequests }) => objectRequests,
  "Socket messages": ({ socketMessages }) => socketMessages,
  "Rows written": ({ rowsWritten }) => rowsWritten,
  "Rows read": ({ rowsRead }) => rowsRead,
  "Queue operations": ({ queueOperations }) => queueOperations,
  "Seconds awake": (counts) => secondsAwake(counts),
  "KB stored for a month": ({ byteMonths }) => byteMonths / 1_000,
  "KB of logs": ({ logBytes }) => logBytes / 1_000,
  "US$ per million, a call awake for 50 ms": (counts) => priceOf(counts, SLOW_CALL_SECONDS),
  "US$ per million": (counts) => priceOf(counts),
};

function rowOf(name: string, counts: Counts): string {
  const cells = Object.values(columns).map((countIn) =>
    countIn(counts)
      .toFixed(2)
      .replace(/\.?0+$/, ""),
  );
  return `| ${[name, ...cells].join(" | ")} |`;
}

function tableOf(ledger: Record<string, Counts>): string {
  const headings = Object.keys(columns);
  return [
    `| ${["Job", ...headings].join(" | ")} |`,
    `| --- | ${headings.map(() => "---:").join(" | ")} |`,
    ...Object.entries(ledger).map(([name, counts]) => rowOf(name, counts)),
  ].join("\n");
}

/** The price of a kind of job in docs/running/costs.md. */
function documented(name: string): number {
  const row = costs.split("\n").find((line) => line.startsWith(`| ${name} |`));
  return Number(row?.split("|").at(-2));
}

function raise(name: string): never {
  throw new Error(`${name} is not in the ledger`);
}

/** A thousand messages of a job, one after another, on a busy machine. */
const LEDGER_TIMEOUT_MS = 240_000;

const ledger: Record<string, Counts> = {};
const price = (name: string) => priceOf(ledger[name] ?? raise(name));

beforeAll(async () => {
  for (const [name, kind] of Object.entries(kinds)) ledger[name] = await ledgerOf(kind);
  console.log(tableOf(ledger));
}, LEDGER_TIMEOUT_MS);

const isWriting = env.COST_WRITE === "true";

/** Which writes share a batch depends on timing. One more row is a tenth of a plain job's price. */
const TOLERANCE = 0.04;

test.runIf(isWriting)("ledger: npm run cost → written to docs/running/costs.md", async () => {
  const written = costs.replace(
    /(<!-- ledger -->\n)[\s\S]*?(<!-- \/ledger -->)/,
    `$1\n${tableOf(ledger)}\n\n$2`,
  );
  await expect(written).toMatchFileSnapshot("../../docs/running/costs.md");
});

test.skipIf(isWriting).each(Object.keys(kinds))("docs/running/costs.md: %s → the counted price", (name) => {
  expect(Math.abs(price(name) / documented(name) - 1)).toBeLessThan(TOLERANCE);
});

test("plain job: everything included → at most 12 dollars a million", () => {
  expect(price("Plain, ten a second")).toBeLessThanOrEqual(12);
});

test("ten minutes with progress every second: everything included → at most 55 dollars a million", () => {
  expect(price(UNSUBSCRIBED)).toBeLessThanOrEqual(55);
});

test("SSE subscriber: ten minutes → at most 15 dollars a million more", () => {
  expect(price(SUBSCRIBED) - price(UNSUBSCRIBED)).toBeLessThanOrEqual(15);
});
