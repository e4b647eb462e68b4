/** What every answer that is a job has in common: waiting for the end, conditional headers, and cache headers. */

import type { Context } from "hono";
import { withRetry } from "../../lib/retry.ts";
import { jobObject } from "../../rpc/job.ts";
import type { Snapshot } from "../../rpc/views.ts";
import type { AppEnv } from "../app-env.ts";
import { waitUntilFinished } from "../events/subscribe.ts";
import { Problem } from "../problems.ts";
import { matchesWeakly } from "../request/headers.ts";
import { parseWait } from "../request/prefer.ts";
import { JOB_CACHE } from "./job-stub.ts";

/** The job once it has finished, or after the time that `Prefer: wait` allows; null if it was purged meanwhile. */
export async function waitForFinish(c: Context<AppEnv>, found: Snapshot): Promise<Snapshot | null> {
  const seconds = parseWait(c.req.header("Prefer"));
  const isWaiting =
    seconds !== null && seconds > 0 && found.pollAfterSeconds !== null && c.req.method !== "HEAD";
  if (!isWaiting) return found;
  const { tenant, keyId } = c.get("caller");
  const api = () => jobObject(c.env, tenant, found.job.id);
  await waitUntilFinished({ api, credential: keyId }, seconds, c.req.raw.signal);
  return withRetry(() => api().read());
}

/** Whether the client already has this version of the job. */
export function hasCurrent(c: Context<AppEnv>, snapshot: Snapshot): boolean {
  return matchesWeakly(c.req.header("If-None-Match"), snapshotTag(snapshot));
}

export function snapshotHeaders(snapshot: Snapshot): Record<string, string> {
  const { pollAfterSeconds } = snapshot;
  return {
    ETag: `"${snapshotTag(snapshot)}"`,
    "Cache-Control": JOB_CACHE,
    ...(pollAfterSeconds === null ? {} : { "Retry-After": String(pollAfterSeconds) }),
  };
}

/** An object that runs the code of the deployment before names no tag. */
function snapshotTag({ job, tag = String(job.version) }: Snapshot): string {
  return tag;
}

export function preferHeaders(c: Context<AppEnv>): Record<string, string> {
  const seconds = parseWait(c.req.header("Prefer"));
  return { Vary: "Prefer", ...(seconds === null ? {} : { "Preference-Applied": `wait=${seconds}` }) };
}

export function throwNotFound(): never {
  throw new Problem("not_found");
}
