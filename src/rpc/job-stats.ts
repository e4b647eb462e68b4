/** What became of a tenant's jobs, per hour and type: as it is stored, and as clients see it. */

import { addHistogram, type Histogram, quantile } from "../lib/histogram.ts";

/** The counts of one hour and type: a job counts as accepted in the hour it was made, as ended in the hour it ended. */
type HourCounts = {
  hour: number;
  type: string;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  attempts: number;
};

/** As it is stored and added up. Times are milliseconds. */
export type StatsRow = HourCounts & {
  queueTime: Histogram;
  runTime: Histogram;
  /** Of the jobs that finished in this hour, how many are purged on which day; without those that were deleted. */
  byPurgeDay?: Record<string, number>;
};

export type HourStats = HourCounts & {
  queueTimeMs: { p50: number | null; p95: number | null };
  runTimeMs: { p50: number | null; p95: number | null };
};

/** No jobs in this hour. */
export function emptyStats(hour: number, type: string): StatsRow {
  const counts = { accepted: 0, succeeded: 0, failed: 0, cancelled: 0, attempts: 0 };
  return { hour, type, ...counts, queueTime: {}, runTime: {} };
}

/** Adds the counts of one row to another of the same hour and type. */
export function addStats(sum: StatsRow, row: StatsRow): void {
  for (const name of ["accepted", "succeeded", "failed", "cancelled", "attempts"] as const)
    sum[name] += row[name];
  addHistogram(sum.queueTime, row.queueTime);
  addHistogram(sum.runTime, row.runTime);
}

/** All rows of an hour and type as one, oldest first. */
export function sumStats(rows: readonly StatsRow[]): StatsRow[] {
  const sums = new Map<string, StatsRow>();
  for (const row of rows) {
    const key = `${row.hour}/${row.type}`;
    const sum = sums.get(key) ?? emptyStats(row.hour, row.type);
    addStats(sum, row);
    sums.set(key, sum);
  }
  return [...sums.values()].sort((one, other) => one.hour - other.hour || (one.type < other.type ? -1 : 1));
}

/** The row with its quantiles. */
export function toHourStats({ queueTime, runTime, ...counts }: StatsRow): HourStats {
  const shares = (of: Histogram) => ({ p50: quantile(of, 0.5), p95: quantile(of, 0.95) });
  return { ...counts, queueTimeMs: shares(queueTime), runTimeMs: shares(runTime) };
}
