/** How long to wait before trying again. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffMs, defaultBackoff, dispatchDelayMs } from "../../src/core/retry.ts";
import { MINUTE, NO_JITTER, SECOND } from "./job-fixtures.ts";

describe("the wait before a retry", () => {
  test("starts at 2 seconds and doubles", () => {
    const waits = [1, 2, 3, 4].map((attempt) => backoffMs(defaultBackoff, attempt, null, NO_JITTER));
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000]);
  });

  test("is spread by up to a fifth, at the cap as well", () => {
    expect(backoffMs(defaultBackoff, 1, null, 0.999_999)).toBe(1_600);
    expect(backoffMs(defaultBackoff, 25, null, 0.5)).toBe(13.5 * MINUTE);
  });

  test("that a third party asked for is spread too, never below what it asked", () => {
    expect(backoffMs(defaultBackoff, 1, 30 * SECOND, 0.5)).toBe(30 * SECOND + 200);
  });

  test("is never more than its cap, also when the power is beyond counting", () => {
    expect(backoffMs(defaultBackoff, 25, null, NO_JITTER)).toBe(15 * MINUTE);
    expect(backoffMs({ ...defaultBackoff, factor: 1e300 }, 25, null, NO_JITTER)).toBe(15 * MINUTE);
  });

  test("is at least what the failed party asked for, even beyond the cap", () => {
    expect(backoffMs(defaultBackoff, 1, 30 * SECOND, NO_JITTER)).toBe(30 * SECOND);
    expect(backoffMs(defaultBackoff, 1, 60 * MINUTE, NO_JITTER)).toBe(60 * MINUTE);
    expect(backoffMs(defaultBackoff, 5, 1, NO_JITTER)).toBe(32 * SECOND);
  });

  test("is always a whole number of milliseconds, not negative, and grows with the attempts", () => {
    const backoff = fc.record({
      firstMs: fc.nat(MINUTE),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      capMs: fc.nat(15 * MINUTE),
    });
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(backoff, fc.integer({ min: 1, max: 25 }), chance, (terms, attempt, random) => {
        const wait = backoffMs(terms, attempt, null, random);
        expect(Number.isInteger(wait) && wait >= 0 && wait <= terms.capMs).toBe(true);
        expect(backoffMs(terms, attempt + 1, null, random)).toBeGreaterThanOrEqual(wait);
      }),
    );
  });
});

test("a repeated message doubles its distance, up to 15 minutes", () => {
  const distances = [1, 2, 3, 4, 5, 6, 60].map((dispatches) => dispatchDelayMs(MINUTE, dispatches) / MINUTE);
  expect(distances).toEqual([1, 2, 4, 8, 15, 15, 15]);
});
