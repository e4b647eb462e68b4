/** From the API's hourly statistics to a chart's equal spans and round scales. Pure. */

import { HOUR } from "../core/time.ts";
import type { HourStatsView, Percentiles } from "./api.ts";

/** The selectable periods; `spanHours` is the width of a span. */
export const periods = {
  "24h": { words: "24 hours", hours: 24, spanHours: 1, spanWords: "hour" },
  "7d": { words: "7 days", hours: 7 * 24, spanHours: 6, spanWords: "6 hours" },
  "30d": { words: "30 days", hours: 30 * 24, spanHours: 24, spanWords: "day" },
} as const;
export type Period = keyof typeof periods;

/** One span of time; `at` is its beginning in epoch milliseconds. */
type Counts = Pick<HourStatsView, "accepted" | "succeeded" | "failed" | "cancelled" | "attempts">;
export type Span = Counts & { at: number; queueTimeMs: Percentiles; runTimeMs: Percentiles };

/** The beginning of the first hour of the period that ends with the hour of `now`, both epoch milliseconds. */
export function beginningOf(period: Period, now: number): number {
  return (Math.floor(now / HOUR) + 1 - periods[period].hours) * HOUR;
}

/** The spans of the period, the oldest first, empty ones too. */
export function spansOf(stats: readonly HourStatsView[], period: Period, now: number): Span[] {
  const { hours, spanHours } = periods[period];
  const from = beginningOf(period, now);
  const spanMs = spanHours * HOUR;
  return Array.from({ length: hours / spanHours }, (_, index) => {
    const at = from + index * spanMs;
    const isWithin = ({ hour }: HourStatsView) => Date.parse(hour) >= at && Date.parse(hour) < at + spanMs;
    return spanOf(at, stats.filter(isWithin));
  });
}

function spanOf(at: number, stats: readonly HourStatsView[]): Span {
  const sum = (of: (item: HourStatsView) => number) => stats.reduce((total, item) => total + of(item), 0);
  return {
    at,
    accepted: sum((item) => item.accepted),
    succeeded: sum((item) => item.succeeded),
    failed: sum((item) => item.failed),
    cancelled: sum((item) => item.cancelled),
    attempts: sum((item) => item.attempts),
    queueTimeMs: joinSpans(stats.map((item) => ({ ...item.queue_time_ms, weight: item.accepted }))),
    runTimeMs: joinSpans(stats.map((item) => ({ ...item.run_time_ms, weight: finishedCount(item) }))),
  };
}

/** How many jobs finished in it. */
export function finishedCount({
  succeeded,
  failed,
  cancelled,
}: Pick<Span, "succeeded" | "failed" | "cancelled">): number {
  return succeeded + failed + cancelled;
}

/**
 * Percentiles of several hours or types together. They do not add up exactly: the median shown is the middle one of
 * theirs, each counted as often as it has jobs; the 95th percentile is the highest of theirs, which none exceeds.
 */
export function joinSpans(parts: readonly (Percentiles & { weight: number })[]): Percentiles {
  const known = parts.flatMap(({ p50, p95, weight }) =>
    p50 === null || p95 === null ? [] : [{ p50, p95, weight: Math.max(1, weight) }],
  );
  if (known.length === 0) return { p50: null, p95: null };
  return { p50: weightedMedian(known), p95: Math.max(...known.map(({ p95 }) => p95)) };
}

/** The median of the medians, each counted `weight` times. */
function weightedMedian(parts: readonly { p50: number; weight: number }[]): number | null {
  const half = parts.reduce((total, { weight }) => total + weight, 0) / 2;
  let counted = 0;
  for (const { p50, weight } of [...parts].sort((one, other) => one.p50 - other.p50)) {
    counted += weight;
    if (counted >= half) return p50;
  }
  return null;
}

/** Round numbers of one digit and of two, each with a whole half. */
const ONE_DIGIT = [2, 4, 6, 8, 10];
const TWO_DIGITS = [10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100];

/** The smallest round number that is at least `value`; at least 2. */
export function scaleMax(value: number): number {
  const magnitude = value <= 10 ? 1 : 10 ** (Math.floor(Math.log10(value)) - 1);
  const numbers = value <= 10 ? ONE_DIGIT : TWO_DIGITS;
  return (numbers.find((number) => number * magnitude >= value) ?? 100) * magnitude;
}
