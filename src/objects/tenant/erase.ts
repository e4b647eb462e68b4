/** Erases what a tenant has, a bounded part at a time. Every step may be repeated. */

import type { Env } from "../../env.ts";
import { datasetObject } from "../../rpc/dataset.ts";
import { filesObject } from "../../rpc/files.ts";
import { indexDirectory } from "../../rpc/index-directory.ts";
import type { JobFilter } from "../../rpc/index-entry.ts";
import { jobObject } from "../../rpc/job.ts";
import { partitionObject } from "../../rpc/job-index.ts";
import { tenantIndex } from "../../rpc/tenant-index.ts";

/** A job takes two or three calls, and an invocation has a bounded number of them. */
const JOBS_PER_STEP = 50;

const everyJob: JobFilter = {
  statuses: [],
  types: [],
  createdAfter: null,
  createdBefore: null,
  metadata: {},
};

/** Erases one part; "nothing" if there was none left. Rejects if an object could not be reached. */
export async function eraseStep(env: Env, tenant: string): Promise<"more" | "nothing"> {
  const { jobs, next } = await tenantIndex(env, tenant).page(everyJob, null, JOBS_PER_STEP);
  await Promise.all(jobs.map(({ id }) => eraseJob(env, tenant, id)));
  if (jobs.length > 0 || next !== null) return "more";
  const files = filesObject(env, tenant);
  const datasets = await files.datasets();
  await Promise.all(datasets.map(({ name }) => datasetObject(env, tenant, name).delete()));
  const hadFiles = await files.erase();
  const directory = indexDirectory(env, tenant);
  const partitions = await directory.partitions();
  await Promise.all(partitions.map(({ name }) => partitionObject(env, tenant, name).erase()));
  await directory.erase();
  return hadFiles || datasets.length > 0 || partitions.length > 0 ? "more" : "nothing";
}

async function eraseJob(env: Env, tenant: string, id: string): Promise<void> {
  await jobObject(env, tenant, id).cancel("The tenant is being erased.", null);
  await jobObject(env, tenant, id).delete();
}
