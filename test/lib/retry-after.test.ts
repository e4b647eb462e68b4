import { describe, expect, test } from "vitest";
import { retryAfterMs } from "../../src/lib/retry-after.ts";

const NOW = Date.parse("2026-11-06T08:49:37Z");
const DAY = 24 * 60 * 60_000;

describe("Retry-After", () => {
  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    ["Fri, 06 Nov 2026 08:50:37 GMT", 60_000],
    ["Friday, 06-Nov-26 08:50:37 GMT", 60_000],
    ["Thu, 05 Nov 2026 08:49:37 GMT", 0],
    ["86401", DAY],
    ["9".repeat(400), DAY],
    ["Fri, 06 Nov 2099 08:50:37 GMT", DAY],
  ])("%j is %d ms", (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  test.each([null, "", "soon", "-1", "1.5", "1e3", "2026-11-06", "Fri, 99 Foo 2026"])(
    "%j says nothing",
    (header) => {
      expect(retryAfterMs(header, NOW)).toBeNull();
    },
  );
});
