/** Erases what a tenant has, a bounded part at a time. Every step may be repeated. */

import type { Env } from "../../env.ts";
import { datasetObject } from "../../rpc/dataset.ts";
import { filesObject } from "../../rpc/files.ts";
import { indexDirectory } from "../../rpc/index-directory.ts";
import type { JobFilter, JobPosition } from "../../rpc/index-entry.ts";
import { jobObject } from "../../rpc/job.ts";
import { type IndexPage, partitionObject } from "../../rpc/job-index.ts";
import { queueObject } from "../../rpc/queue.ts";
import { tenantIndex } from "../../rpc/tenant-index.ts";

/** A job takes two or three calls, and an invocation has a bounded number of them. */
const JOBS_PER_STEP = 50;
const PAGES_PER_STEP = 20;

const everyJob: JobFilter = {
  statuses: [],
  types: [],
  createdAfter: null,
  createdBefore: null,
  metadata: {},
};

/** Erases one part; "nothing" if there was none left. Rejects if an object could not be reached. */
export async function eraseStep(
  env: Env,
  tenant: string,
  queues: readonly string[],
): Promise<"more" | "nothing"> {
  if (await eraseJobs(env, tenant)) return "more";
  await Promise.all(queues.map((name) => queueObject(env, { tenant, name }).erase()));
  const files = filesObject(env, tenant);
  const datasets = await files.datasets();
  await Promise.all(datasets.map(({ name }) => datasetObject(env, tenant, name).delete("all")));
  const hadFiles = await files.erase();
  const directory = indexDirectory(env, tenant);
  const partitions = await directory.partitions();
  await Promise.all(partitions.map(({ name }) => partitionObject(env, tenant, name).erase()));
  await directory.erase();
  return hadFiles || datasets.length > 0 || partitions.length > 0 ? "more" : "nothing";
}

/** Whether any job was erased. What is listed and does not exist any more goes with the index. */
async function eraseJobs(env: Env, tenant: string): Promise<boolean> {
  const index = tenantIndex(env, tenant);
  let after: JobPosition | null = null;
  for (let pages = 0; pages < PAGES_PER_STEP; pages += 1) {
    const { jobs, next }: IndexPage = await index.page(everyJob, after, JOBS_PER_STEP);
    const erased = await Promise.all(jobs.map(({ id }) => eraseJob(env, tenant, id)));
    if (erased.includes(true)) return true;
    if (next === null) return false;
    after = next;
  }
  return false;
}

async function eraseJob(env: Env, tenant: string, id: string): Promise<boolean> {
  await jobObject(env, tenant, id).cancel("The tenant is being erased.", null);
  return (await jobObject(env, tenant, id).delete()).kind === "deleted";
}
