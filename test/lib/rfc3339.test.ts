/** The one grammar of times, at every place that takes a time. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readTime } from "../../src/api/request/query.ts";
import { BulkFilterSchema } from "../../src/job-types/jobs-bulk.ts";
import { parseTime } from "../../src/lib/rfc3339.ts";
import { SubmitRequestSchema } from "../../src/submission/request.ts";

const valid: [string, string][] = [
  ["2026-11-25T12:00:00Z", "2026-11-25T12:00:00.000Z"],
  ["2026-11-25t12:00:00z", "2026-11-25T12:00:00.000Z"],
  ["2026-11-25T12:00:00.1239Z", "2026-11-25T12:00:00.123Z"],
  ["2026-11-25T12:00:00.5+05:30", "2026-11-25T06:30:00.500Z"],
  ["2026-11-25T00:30:00-23:59", "2026-11-26T00:29:00.000Z"],
  ["2026-11-25T12:00:00-00:00", "2026-11-25T12:00:00.000Z"],
  ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
  ["0099-01-01T00:00:00Z", "0099-01-01T00:00:00.000Z"],
];

const invalid = [
  "",
  "2026-11-25",
  "2026-11-25 12:00:00Z",
  "2026-11-25T12:00Z",
  "2026-11-25T12:00:00",
  "2026-11-25T24:00:00Z",
  "2026-11-25T23:59:60Z",
  "2026-11-25T12:60:00Z",
  "2026-02-29T12:00:00Z",
  "2026-02-30T12:00:00Z",
  "2026-13-01T12:00:00Z",
  "2026-00-01T12:00:00Z",
  "2026-01-00T12:00:00Z",
  "2026-11-25T12:00:00.Z",
  "2026-11-25T12:00:00.1234567890Z",
  "2026-11-25T12:00:00+24:00",
  "2026-11-25T12:00:00+05:60",
  "2026-11-25T12:00:00+0530",
  "2026-11-25T12:00:00+05",
  "+002026-11-25T12:00:00Z",
  " 2026-11-25T12:00:00Z",
  "2026-11-25T12:00:00Z ",
  "２０２６-11-25T12:00:00Z",
];

/** Each place that takes a time, as "does it accept this text". */
const places: Record<string, (text: string) => boolean> = {
  "a query parameter": (text) => {
    try {
      return readTime(new URLSearchParams({ created_after: text }), "created_after") !== null;
    } catch {
      return false;
    }
  },
  "run_at of a submission": (text) =>
    SubmitRequestSchema.safeParse({ type: "t", input: {}, run_at: text }).success,
  "created_after of a bulk filter": (text) => BulkFilterSchema.safeParse({ created_after: text }).success,
  "created_before of a bulk filter": (text) => BulkFilterSchema.safeParse({ created_before: text }).success,
};

test.each(valid)("parseTime: %s → %s", (text, expected) => {
  expect(parseTime(text)).toBe(Date.parse(expected));
});

test.each(invalid)("parseTime: %j → null", (text) => {
  expect(parseTime(text)).toBeNull();
});

test("parseTime: any time written by toISOString → that time", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }),
      (date) => {
        expect(parseTime(date.toISOString())).toBe(date.getTime());
      },
    ),
  );
});

describe.each(Object.entries(places))("%s", (_place, accepts) => {
  test("every valid time → accepted", () => {
    expect(valid.filter(([text]) => !accepts(text))).toEqual([]);
  });

  test("every invalid time → rejected", () => {
    expect(invalid.filter((text) => accepts(text))).toEqual([]);
  });
});
