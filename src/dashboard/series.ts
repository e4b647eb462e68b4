/** From the API's hourly statistics to a chart's equal spans and round scales. Pure. */

import type { HourStatsView, Percentiles } from "./api.ts";

const SPAN_HOUR_MS = 3_600_000;

/** The selectable periods; `spanHours` is the width of a span. */
export const periods = {
  "24h": { words: "24 hours", hours: 24, spanHours: 1, spanWords: "hour" },
  "7d": { words: "7 days", hours: 7 * 24, spanHours: 6, spanWords: "6 hours" },
  "30d": { words: "30 days", hours: 30 * 24, spanHours: 24, spanWords: "day" },
} as const;
export type Period = keyof typeof periods;

/** One span of time; `at` is its beginning in epoch milliseconds. */
export type Span = {
  at: number;
  accepted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  attempts: number;
  queueTimeMs: Percentiles;
  runTimeMs: Percentiles;
};

/** The beginning of the first hour of the period that ends with the hour of `now`, both epoch milliseconds. */
export function beginningOf(period: Period, now: number): number {
  return (Math.floor(now / SPAN_HOUR_MS) + 1 - periods[period].hours) * SPAN_HOUR_MS;
}

/** The spans of the period, the oldest first, empty ones too. */
export function spansOf(stats: readonly HourStatsView[], period: Period, now: number): Span[] {
  const { hours, spanHours } = periods[period];
  const from = beginningOf(period, now);
  const spanMs = spanHours * SPAN_HOUR_MS;
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

/** How many jobs ended in it. */
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
  const sorted = [...known].sort((a, b) => a.p50 - b.p50);
  let left = sorted.reduce((total, { weight }) => total + weight, 0) / 2;
  const middle = sorted.find(({ weight }) => {
    left -= weight;
    return left <= 0;
  });
  return { p50: middle?.p50 ?? null, p95: Math.max(...known.map(({ p95 }) => p95)) };
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
