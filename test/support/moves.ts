/** Moves jobs of the parked tenants by hand, as a worker would: begun, succeeded, failed. */

import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { RunOutcome } from "../../src/rpc/job.ts";
import { jobObject } from "../../src/rpc/job.ts";

const nothing = { progress: null, logs: [] };

/** Begins the first attempt; answers its lease. */
export async function begin(id: string, tenant = "parked"): Promise<string> {
  const lease = crypto.randomUUID();
  expect(await jobObject(env, tenant, id).start(1, 0, lease)).not.toBeNull();
  return lease;
}

export async function finish(
  id: string,
  lease: string,
  outcome: RunOutcome,
  tenant = "parked",
): Promise<void> {
  expect(await jobObject(env, tenant, id).finish(lease, nothing, outcome)).toEqual({ ok: true });
}

/** Runs the job to its success with this result. */
export async function succeed(id: string, result: unknown = null, tenant = "parked"): Promise<void> {
  const text = result === null ? null : JSON.stringify(result);
  await finish(id, await begin(id, tenant), { type: "succeed", result: text }, tenant);
}

/** Runs the job to its failure. */
export async function fail(id: string, tenant = "parked"): Promise<void> {
  const failure = {
    kind: "invalid_input",
    code: "no_such_column",
    message: "There is no such column.",
    retryAfterMs: null,
    reference: "ref_1",
  } as const;
  await finish(id, await begin(id, tenant), { type: "fail", failure }, tenant);
}
