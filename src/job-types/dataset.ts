/** Shared by the job types that read datasets: find one, find its columns, read it whole or not at all. */

import { sleep } from "../lib/runtime.ts";
import { normalizeText } from "../lib/text.ts";
import { type JobContext, JobFailure } from "./define.ts";

export type JobDataset = Parameters<JobContext["datasets"]["pages"]>[0];
export type JobDatasetRow = { line: number; cells: string[] };

/** The tenant's dataset of that name. Fails the job with `dataset_not_found`. */
export async function findDataset(job: JobContext, name: string): Promise<JobDataset> {
  const dataset = await job.datasets.describe(name);
  if (dataset) return dataset;
  throw new JobFailure("not_found", {
    code: "dataset_not_found",
    message: `There is no dataset named ${name}.`,
  });
}

/** The index of the column in a row; names are compared as `normalizeText` has them. Fails the job with `unknown_column`. */
export function indexOfColumn({ name, columns }: JobDataset, column: string): number {
  const index = columns.indexOf(normalizeText(column));
  if (index >= 0) return index;
  throw invalidInput("unknown_column", `The dataset ${name} has no column named ${JSON.stringify(column)}.`);
}

/**
 * All rows of the dataset in pages, with the cells of `columns` (at most 32) in that order.
 * If the dataset is replaced meanwhile, the attempt fails, and the next one reads the new rows.
 */
export async function* readRows(
  job: JobContext,
  dataset: JobDataset,
  columns: number[],
): AsyncGenerator<JobDatasetRow[]> {
  let rowsRead = 0;
  for await (const page of job.datasets.pages(dataset, columns)) {
    job.signal.throwIfAborted();
    // Locally, reading never waits; this yields to other work such as the heartbeat.
    await sleep(0);
    rowsRead += page.length;
    yield page;
  }
  if (rowsRead === dataset.rowCount) return;
  throw new JobFailure("service_unavailable", {
    code: "dataset_changed",
    message: `The dataset ${dataset.name} was replaced while it was being read.`,
  });
}

/** A failure that no repetition cures. */
export function invalidInput(code: string, message: string): JobFailure {
  return new JobFailure("invalid_input", { code, message });
}
