/** The numbers in the documents are those of the code: each sentence is built from the constant and looked for. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../../src/core/time.ts";

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url).href), "utf8");

const units: Record<string, number> = { SECOND, MINUTE, HOUR, DAY };

/** The value of a constant that is written as a product of numbers and units. */
function readConstant(source: string, name: string): number {
  const [, product] = new RegExp(`const ${name} = ([^;]+);`).exec(read(source)) ?? [];
  if (product === undefined) throw new Error(`${source} has no constant ${name}`);
  const factors = product.split("*").map((factor) => factor.trim());
  return factors.reduce((value, factor) => value * (units[factor] ?? readNumber(factor)), 1);
}

function readNumber(text: string): number {
  const [over, under = "1"] = text.split("/").map((part) => part.trim().replaceAll("_", ""));
  const value = Number(over) / Number(under);
  if (Number.isNaN(value)) throw new Error(`${text} is no number`);
  return value;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const words: Record<number, string> = { 0.5: "half", 2: "two", 12: "twelve" };
const word = (count: number) => words[count] ?? String(count);
const grouped = (count: number) => count.toLocaleString("en-US");

const sentences: [page: string, source: string, constant: string, sentence: (value: number) => string][] = [
  [
    "using/dashboard.md",
    "dashboard/session.ts",
    "LIFETIME_MS",
    (ms) => `session lasts ${word(ms / HOUR)} hours`,
  ],
  [
    "using/dashboard.md",
    "dashboard/session.ts",
    "IDLE_MS",
    (ms) => `or ${word(ms / HOUR)} hours pass without a request`,
  ],
  [
    "using/streaming.md",
    "objects/job/sockets.ts",
    "SUBSCRIBERS_MAX",
    (count) => `**${count} subscribers per job`,
  ],
  [
    "using/streaming.md",
    "objects/job/sockets.ts",
    "SUBSCRIBERS_PER_CREDENTIAL_MAX",
    (count) => `, ${count} per key**`,
  ],
  [
    "using/streaming.md",
    "api/events/subscribe.ts",
    "BACKLOG_BYTES_MAX",
    (bytes) => `that are ${bytes / MIB} MiB behind`,
  ],
  ["using/streaming.md", "api/events/subscribe.ts", "FULL_RECONNECT_MS", (ms) => `\`retry: ${ms}\``],
  [
    "using/contract.md",
    "api/events/subscribe.ts",
    "STREAM_MAX_MS",
    (ms) => `ends after ${ms / MINUTE} minutes at most`,
  ],
  [
    "using/contract.md",
    "objects/job/sockets.ts",
    "SUBSCRIBERS_MAX",
    (count) => `at most ${count} subscribers`,
  ],
  [
    "using/streaming.md",
    "runner/run-reporter.ts",
    "REPORTS_PER_RUN_TIME",
    (count) => `every ${count}th part`,
  ],
  ["using/streaming.md", "core/job.ts", "LOG_LINES_MAX", (count) => `${grouped(count)} per job`],
  [
    "internals/design.md",
    "core/lease.ts",
    "RENEW_BELOW",
    (part) => `renewed in storage when ${word(part)} of it has passed`,
  ],
  [
    "internals/design.md",
    "core/lease.ts",
    "CONNECTION_LOST_LEASE_MS",
    (ms) => `the lease is shortened to ${ms / SECOND} s`,
  ],
  [
    "internals/design.md",
    "runner/worker-socket.ts",
    "SOCKET_OPEN_DELAY_MS",
    (ms) => `longer than ${ms / SECOND} s opens a worker socket`,
  ],
  ["running/operating.md", "api/request/json.ts", "DEPTH_MAX", (levels) => `| JSON body | ${levels} levels`],
  [
    "running/operating.md",
    "api/request/json.ts",
    "ITEMS_MAX",
    (count) => `${grouped(count)} items per list or object`,
  ],
  [
    "running/operating.md",
    "runner/run.ts",
    "RESULT_BYTES_MAX",
    (bytes) => `| Result | ${bytes / MIB} MiB of JSON`,
  ],
  [
    "running/operating.md",
    "runner/run-reporter.ts",
    "HEARTBEAT_MS",
    (ms) => `the worker reports every ${ms / SECOND} s`,
  ],
  [
    "running/operating.md",
    "objects/job-index/store.ts",
    "EXAMINED_MAX",
    (count) => `reads ${grouped(count)} entries`,
  ],
  ["running/operating.md", "api/stats/routes.ts", "STATS_DAYS_MAX", (days) => `${days} days at once`],
  [
    "running/operating.md",
    "objects/index-directory/object.ts",
    "STATS_KEPT_MS",
    (ms) => `kept ${ms / DAY} days`,
  ],
  ["running/operating.md", "job-types/jobs-bulk.ts", "PER_SECOND_DEFAULT", (count) => `${count} by default`],
  ["running/operating.md", "job-types/jobs-bulk.ts", "RUN_JOBS_MAX", (count) => `${count} a run`],
  [
    "running/operating.md",
    "job-types/jobs-bulk.ts",
    "UNREACHED_MAX",
    (count) => `after ${count} unreachable jobs`,
  ],
  [
    "running/operating.md",
    "core/deliveries.ts",
    "DELIVERIES_MAX",
    (count) => `| Deliveries of a job | ${count};`,
  ],
];

test.each(sentences)("docs/%s: %s %s → the sentence has its value", (page, source, constant, sentence) => {
  const text = read(`docs/${page}`);
  expect(text).toContain(sentence(readConstant(`src/${source}`, constant)));
});
