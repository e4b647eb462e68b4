/** Which queue a job's message takes. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { MINUTE } from "../../src/core/time.ts";
import { jobQueueBinding, jobQueueBindings } from "../../src/transport/queues.ts";
import { policyOf } from "../core/job-fixtures.ts";

const bindingOf = (tenant: string, attemptTimeoutMs: number) =>
  jobQueueBinding({ tenant, policy: policyOf({ attemptTimeoutMs }) });
const tenants = Array.from({ length: 400 }, (_, index) => `tenant-${index}`);

test("queues: attempts of up to a minute, and longer ones → never the same queue", () => {
  for (const tenant of tenants) {
    expect(bindingOf(tenant, MINUTE)).toMatch(/SHORT/);
    expect(bindingOf(tenant, MINUTE + 1)).toMatch(/LONG/);
  }
});

test("queues: one tenant → one queue of each class; many tenants → about a quarter each", () => {
  expect(bindingOf("acme", 1_000)).toBe(bindingOf("acme", MINUTE));
  const counts = Map.groupBy(tenants, (tenant) => bindingOf(tenant, MINUTE));
  expect(counts.size).toBe(4);
  for (const taken of counts.values()) expect(taken.length).toBeGreaterThan(60);
});

test("queues: every binding → a producer and a consumer of one message in wrangler.toml", () => {
  const toml = readFileSync(fileURLToPath(new URL("../../wrangler.toml", import.meta.url).href), "utf8");
  for (const binding of jobQueueBindings) {
    const queue = binding.replace("JOB_QUEUE_", "accepted-jobs-").replaceAll("_", "-").toLowerCase();
    expect(toml).toContain(`binding = "${binding}"\nqueue = "${queue}"`);
    expect(toml).toContain(`queue = "${queue}"\nmax_batch_size = 1\n`);
  }
});
