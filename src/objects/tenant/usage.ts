/**
 * What a tenant uses. The facts are in other objects; this one keeps a copy in memory and asks for it again while the
 * tenant's requests come, at most every few seconds. So the copy is some seconds old. Only the first request after an
 * eviction waits for it, and not for long: a slow index must not stop a tenant.
 */

import { SECOND } from "../../core/time.ts";
import type { Env } from "../../env.ts";
import { log } from "../../lib/log.ts";
import { now, sleep } from "../../lib/runtime.ts";
import { filesObject } from "../../rpc/files.ts";
import { indexDirectory } from "../../rpc/index-directory.ts";
import { type JobCounts, partitionObject } from "../../rpc/job-index.ts";
import { defaultLimits, type LimitName, type TenantLimits } from "../../rpc/tenant.ts";

const REFRESH_MS = 3 * SECOND;
const FIRST_WAIT_MS = SECOND;

/** So many partitions are asked at a time: the newest, and some of the others in turn. */
const NEWEST_ASKED = 16;
const OTHERS_ASKED = 16;

/** The usage of the tenant whose object this is. */
export function openUsage(ctx: DurableObjectState, env: Env) {
  const byPartition = new Map<string, JobCounts>();
  let storage: Pick<TenantLimits, "stored_bytes" | "datasets" | "open_uploads"> = {
    stored_bytes: 0,
    datasets: 0,
    open_uploads: 0,
  };
  let askedAt: number | null = null;
  let turn = 0;

  async function refresh(tenant: string): Promise<void> {
    const [partitions, stored] = await Promise.all([
      indexDirectory(env, tenant).partitions(),
      filesObject(env, tenant).usage(),
    ]);
    storage = stored;
    const names = partitions.map(({ name }) => name);
    for (const name of byPartition.keys()) if (!names.includes(name)) byPartition.delete(name);
    const others = names.slice(NEWEST_ASKED);
    const start = others.length === 0 ? 0 : (turn * OTHERS_ASKED) % others.length;
    turn += 1;
    const asked = [...names.slice(0, NEWEST_ASKED), ...others.slice(start, start + OTHERS_ASKED)];
    const counts = await Promise.all(asked.map((name) => partitionObject(env, tenant, name).usage()));
    for (const [at, name] of asked.entries()) byPartition.set(name, counts[at] ?? noJobs);
  }

  const sum = (name: keyof JobCounts) =>
    [...byPartition.values()].reduce((total, counts) => total + counts[name], 0);

  return {
    none: (): TenantLimits => nothingUsed(),

    /** The copy as it is; asks for a newer one if it is old. */
    async of(
      tenant: string,
      own: Pick<TenantLimits, "keys" | "job_types" | "queues">,
    ): Promise<TenantLimits> {
      if (askedAt === null || now() >= askedAt + REFRESH_MS) {
        const isFirst = askedAt === null;
        askedAt = now();
        const failed = (error: unknown) => log("warn", "usage_failed", { tenant, error });
        const refreshed = refresh(tenant).catch(failed);
        ctx.waitUntil(refreshed);
        if (isFirst) await Promise.race([refreshed, sleep(FIRST_WAIT_MS)]);
      }
      return {
        ...nothingUsed(),
        ...storage,
        unfinished_jobs: sum("unfinished_jobs"),
        stored_jobs: sum("stored_jobs"),
        ...own,
      };
    },
  };
}

const noJobs: JobCounts = { unfinished_jobs: 0, stored_jobs: 0 };

function nothingUsed(): TenantLimits {
  const names = Object.keys(defaultLimits) as LimitName[];
  return Object.fromEntries(names.map((name) => [name, 0])) as TenantLimits;
}
