/** Datasets for the tests of job types that read them, and a way to run such a type by itself. */

import type { JobContext, JobType } from "../../src/job-types/define.ts";
import { fakeJobContext } from "./job-context.ts";
import type { newTenant } from "./stores.ts";

type Tenant = ReturnType<typeof newTenant>;

/** Makes or replaces a dataset; its rows stand on lines 2, 3, … of a file that never was. */
export async function putDataset({ datasets }: Tenant, name: string, columns: string[], rows: string[][]) {
  const target = await datasets.beginImport(name, columns);
  const staged = rows.map((cells, index) => ({ line: index + 2, cells }));
  for (let at = 0; at < staged.length; at += 20_000) await target.stage(staged.slice(at, at + 20_000), []);
  await target.publish();
}

/** Runs the type's code once, as a job of the tenant. */
export function runType(
  type: JobType,
  { files, datasets }: Tenant,
  input: object,
  overrides: Partial<JobContext> = {},
) {
  const { job, reported } = fakeJobContext({ files, datasets, remainingMs: () => 600_000, ...overrides });
  return { outcome: type.run(type.input.parse(input), job), reported };
}
