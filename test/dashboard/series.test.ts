/** From sums per hour and type to charts, and from milliseconds to words. */

import { describe, expect, test } from "vitest";
import type { HourStatsView } from "../../src/dashboard/api.ts";
import { formatBytes, progressSentence } from "../../src/dashboard/labels.ts";
import { finishedCount, joinSpans, scaleMax, spansOf } from "../../src/dashboard/series.ts";
import { formatDuration, formatRelative } from "../../src/lib/duration.ts";

const NOW = Date.parse("2026-11-22T14:35:00Z");

const hour = (at: string, fields: Partial<HourStatsView> = {}): HourStatsView => ({
  type: "a",
  hour: `2026-11-${at}:00:00.000Z`,
  accepted: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  attempts: 0,
  queue_time_ms: { p50: null, p95: null },
  run_time_ms: { p50: null, p95: null },
  ...fields,
});

describe("spans of time", () => {
  test.each([
    ["24h", 24, "2026-11-21T15:00:00.000Z", "2026-11-22T14:00:00.000Z"],
    ["7d", 28, "2026-11-15T15:00:00.000Z", "2026-11-22T09:00:00.000Z"],
    ["30d", 30, "2026-10-23T15:00:00.000Z", "2026-11-21T15:00:00.000Z"],
  ] as const)("of %s are %d, and end with this hour", (period, count, first, last) => {
    const spans = spansOf([], period, NOW);
    expect(spans).toHaveLength(count);
    expect(spans.map(({ at }) => new Date(at).toISOString())).toEqual(expect.arrayContaining([first, last]));
    expect([spans[0]?.at, spans.at(-1)?.at]).toEqual([Date.parse(first), Date.parse(last)]);
  });

  test("add up the hours and types that fall into them, and nothing else", () => {
    const stats = [
      hour("22T09", { accepted: 1, succeeded: 1 }),
      hour("22T14", { accepted: 2, failed: 1, cancelled: 1, attempts: 5 }),
      hour("22T14", { type: "b", accepted: 4 }),
      hour("22T08", { accepted: 100 }),
    ];
    const last = spansOf(stats, "7d", NOW).at(-1);
    expect(last).toMatchObject({ accepted: 7, succeeded: 1, failed: 1, cancelled: 1, attempts: 5 });
    expect(last && finishedCount(last)).toBe(3);
  });
});

test("percentiles together: the middle of the medians by weight, the highest of the 95th, and nothing from nothing", () => {
  expect(joinSpans([])).toEqual({ p50: null, p95: null });
  expect(joinSpans([{ p50: null, p95: null, weight: 9 }])).toEqual({ p50: null, p95: null });
  expect(joinSpans([{ p50: 5, p95: 9, weight: 0 }])).toEqual({ p50: 5, p95: 9 });
  expect(
    joinSpans([
      { p50: 100, p95: 200, weight: 1 },
      { p50: 10, p95: 900, weight: 5 },
      { p50: 50, p95: 60, weight: 2 },
    ]),
  ).toEqual({ p50: 10, p95: 900 });
});

test.each([
  [0, 2],
  [1, 2],
  [3, 4],
  [10, 10],
  [11, 12],
  [25, 30],
  [61, 80],
  [99.5, 100],
  [100, 100],
  [1_001, 1_200],
  [8_001, 10_000],
])("a scale for up to %d ends at %d", (value, max) => {
  expect(scaleMax(value)).toBe(max);
});

test.each([
  [0, "0 ms"],
  [999, "999 ms"],
  [4_290, "4.2 s"],
  [59_999, "59 s"],
  [200_000, "3 min 20 s"],
  [3_600_000, "1 h"],
  [90_061_000, "1 d 1 h"],
])("%d ms are %s", (ms, words) => {
  expect(formatDuration(ms)).toBe(words);
});

test.each([
  [NOW, "just now"],
  [NOW + 400, "in a moment"],
  [NOW - 1_000, "1 second ago"],
  [NOW - 7_200_000, "2 hours ago"],
  [NOW + 12_000, "in 12 seconds"],
])("%d is %s", (at, words) => {
  expect(formatRelative(at, NOW)).toBe(words);
});

test.each([
  [512, "512 bytes"],
  [1_536, "1.5 KiB"],
  [104_857_600, "100 MiB"],
])("%d are %s", (bytes, words) => {
  expect(formatBytes(bytes)).toBe(words);
});

test("progress names a percentage only if one was reported", () => {
  const none = { current: null, total: null, unit: null, percent: null, stage: null, message: null };
  expect(progressSentence(none)).toBe("");
  expect(progressSentence({ ...none, current: 1200, unit: "rows" })).toBe("1,200 \u2068rows\u2069 so far");
  expect(
    progressSentence({ ...none, current: 2048, total: 4096, unit: "bytes", percent: 50, message: "9 rows" }),
  ).toBe("50 % · 2 KiB of 4 KiB · \u20689 rows\u2069");
  expect(progressSentence({ ...none, stage: "preparing" })).toBe("\u2068preparing\u2069");
});
