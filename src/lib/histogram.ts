/**
 * Durations in buckets that grow by 2 percent each, so that a quantile is known to about 1 percent however many
 * values there are. (The scheme is DDSketch's: Masson, Rim, Lee, VLDB 2019.) A histogram is plain JSON.
 */

/** How many values each bucket holds; buckets without values are absent. */
export type Histogram = Record<string, number>;

const GROWTH = 1.02;

/** Counts a duration of `ms` milliseconds, 0 or more. */
export function addToHistogram(histogram: Histogram, ms: number): void {
  const bucket = Math.ceil(Math.log(ms + 1) / Math.log(GROWTH));
  histogram[bucket] = (histogram[bucket] ?? 0) + 1;
}

/** Adds all values of one histogram to another. */
export function addHistogram(sum: Histogram, histogram: Histogram): void {
  for (const [bucket, values] of Object.entries(histogram)) sum[bucket] = (sum[bucket] ?? 0) + values;
}

/** The value, in whole milliseconds, that the share `q` (0 to 1) of all values does not exceed; null without values. */
export function quantile(histogram: Histogram, q: number): number | null {
  const buckets = Object.entries(histogram).map(([bucket, values]) => [Number(bucket), values] as const);
  const total = buckets.reduce((sum, [, values]) => sum + values, 0);
  let left = Math.max(1, Math.ceil(q * total));
  for (const [bucket, values] of buckets.sort(([one], [other]) => one - other)) {
    left -= values;
    if (left <= 0) return Math.max(0, Math.round((2 * GROWTH ** bucket) / (GROWTH + 1) - 1));
  }
  return null;
}
