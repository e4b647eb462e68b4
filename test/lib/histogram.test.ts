/** Quantiles from a histogram: near the true ones, whatever the values. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { addToHistogram, type Histogram, quantile } from "../../src/lib/histogram.ts";

function histogramOf(values: readonly number[]): Histogram {
  const histogram: Histogram = {};
  for (const value of values) addToHistogram(histogram, value);
  return histogram;
}

test("without values there is none", () => {
  expect(quantile({}, 0.5)).toBeNull();
});

test("of one value is that value, to one percent", () => {
  for (const value of [0, 1, 7, 250, 86_400_000]) {
    const found = quantile(histogramOf([value]), 0.5) ?? Number.NaN;
    expect(Math.abs(found - value)).toBeLessThanOrEqual(Math.max(1, value * 0.01));
  }
});

test("is the true one, to one percent", () => {
  const values = fc.array(fc.integer({ min: 0, max: 30 * 86_400_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.constantFrom(0.5, 0.95), (all, q) => {
      const sorted = [...all].sort((one, other) => one - other);
      const truth = sorted[Math.ceil(q * all.length) - 1] ?? Number.NaN;
      const found = quantile(histogramOf(all), q) ?? Number.NaN;
      expect(Math.abs(found - truth)).toBeLessThanOrEqual(Math.max(1, truth * 0.011));
    }),
  );
});

test("survives being stored as JSON, and goes on counting", () => {
  const stored = JSON.parse(JSON.stringify(histogramOf([10, 20, 30]))) as Histogram;
  addToHistogram(stored, 1_000);
  expect(quantile(stored, 1)).toBeGreaterThan(980);
});
