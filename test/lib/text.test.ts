/** Texts that people cannot tell apart are one text. */

import { expect, test } from "vitest";
import { normalizeText } from "../../src/lib/text.ts";

test.each([
  ["Caf\u00e9", "Cafe\u0301"],
  ["R-2", "R-2\u200b"],
  ["R-2", "\ufeffR-2"],
  ["R-2", "\u00a0R-2 \t"],
  ["a b", "a\u00ad b"],
])("normalize: %j and %j → the same", (one, other) => {
  expect(normalizeText(other)).toBe(normalizeText(one));
});

test("normalize: texts that look different → stay different", () => {
  const texts = ["a", "A", "R-2", "R\u20112", "1", "\u0661", "", "a b", "a  b"];
  expect(new Set(texts.map(normalizeText)).size).toBe(texts.length);
});
