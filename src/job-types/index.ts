/** The job types of this deployment. A new one is written in a file of its own and named here. */

import { csvImport } from "./csv-import.ts";
import type { JobType, JobTypes } from "./define.ts";
import { httpRequest } from "./http-request.ts";
import { jobsBulk } from "./jobs-bulk.ts";
import { paymentsReconcile } from "./payments-reconcile.ts";
import { reportExport } from "./report-export.ts";
import { testSimulate } from "./test-simulate.ts";

export const jobTypes: JobTypes = byName([
  csvImport,
  httpRequest,
  jobsBulk,
  paymentsReconcile,
  testSimulate,
  reportExport,
]);

/** Two types of one name would be one type, and which one a matter of luck. */
function byName(types: readonly JobType[]): JobTypes {
  const named = new Map(types.map((type) => [type.type, type]));
  if (named.size < types.length) throw new Error("two job types have the same name");
  return named;
}
