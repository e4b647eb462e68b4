/** Contract 7: totals per type and hour. */

import { setTimeout as pause } from "node:timers/promises";
import { claim, Disagreement, equal, matches, shown } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { type Client, dataOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import type { Stats } from "../shapes.ts";

const HOUR_MS = 3_600_000;
const COUNTED_MS = 5_000;
const COUNTS = ["accepted", "succeeded", "failed", "cancelled", "attempts"] as const;

const hourOf = (at: number) => new Date(Math.floor(at / HOUR_MS) * HOUR_MS).toISOString();

async function stats(client: Client, query = ""): Promise<Stats[]> {
  return dataOf<Stats[]>(await client.call("GET", `/v1/stats${query}`), 200);
}

async function counts({ mine }: Deployment): Promise<void> {
  const { created_at, id } = await mine.simulate();
  await mine.finished(id);
  const hour = hourOf(Date.parse(created_at));
  for (const overAt = Date.now() + COUNTED_MS; ; await pause(100)) {
    const all = await stats(mine, "?type=test.simulate");
    const found = all.find((one) => one.hour === hour);
    if (found && found.accepted > 0 && found.succeeded > 0) return isWellFormed(found);
    if (Date.now() > overAt) throw new Disagreement(`the job is not counted: ${shown(all)}`);
  }
}

function isWellFormed(found: Stats): void {
  for (const name of COUNTS)
    claim(Number.isInteger(found[name]) && found[name] >= 0, `${name} is ${found[name]}`);
  matches(found.hour, /T\d\d:00:00\.000Z$/, "hour");
  for (const { p50, p95 } of [found.queue_time_ms, found.run_time_ms]) {
    claim(p50 === null || (typeof p50 === "number" && p50 >= 0), `p50 is ${p50}`);
    claim(p50 === null || p95 === null || p95 >= p50, `p95 is ${p95}, p50 is ${p50}`);
  }
}

async function filtered({ mine }: Deployment): Promise<void> {
  await mine.finished((await mine.simulate()).id);
  const types = new Set((await stats(mine, "?type=test.simulate")).map(({ type }) => type));
  claim(
    [...types].every((type) => type === "test.simulate"),
    `?type=test.simulate tells of ${[...types]}`,
  );
  const longAgo = "?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z";
  equal(await stats(mine, longAgo), [], "the numbers of a day without jobs");
}

async function refused({ mine }: Deployment): Promise<void> {
  for (const query of [
    "?from=yesterday",
    "?to=x",
    "?hour=1",
    "?from=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z",
  ]) {
    const { status } = await mine.call("GET", `/v1/stats${query}`);
    equal(status, 400, `the status of /v1/stats${query}`);
  }
}

export const statsChecks: readonly Check[] = [
  check("contract 7", "stats count what was accepted and how it ended, by type and hour", counts),
  check("contract 7", "stats can be had of a time and of a type", filtered),
  check("contract 7", "stats: unknown and unreadable parameters are 400", refused),
];
