/** The filter of the job list: what can be written in its fields is what the API can be asked. */

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  apiQuery,
  badMetadata,
  bulkFilter,
  filterPairs,
  metadataText,
  readFilter,
} from "../../src/dashboard/filter.ts";

const keys = fc.string({
  minLength: 1,
  maxLength: 40,
  unit: fc.constantFrom(...'ab=" \\\t\u00e4\u200b[]&%,'),
});

test("metadata filter: any legal key and value, written and read again → asked of the API as they are", () => {
  fc.assert(
    fc.property(fc.dictionary(keys, fc.string({ maxLength: 20 })), (metadata) => {
      const texts = Object.entries(metadata).map(([key, value]): [string, string] => [
        "metadata",
        metadataText(key, value),
      ]);
      const filter = readFilter(new URLSearchParams(texts));
      expect(badMetadata(filter)).toEqual([]);
      expect(readFilter(new URLSearchParams(filterPairs(filter)))).toEqual(filter);
      expect(bulkFilter(filter).metadata ?? {}).toEqual(metadata);
      const asked = [...apiQuery(filter)].map(([name, value]) => [
        name.replace(/^metadata\[(.*)\]$/s, "$1"),
        value,
      ]);
      expect(Object.fromEntries(asked)).toEqual(metadata);
    }),
  );
});

test.each([
  ["customer=42", "customer", "42"],
  [" customer =4=2", "customer", "4=2"],
  ['"a=b"=42', "a=b", "42"],
  ['" a "=', " a ", ""],
  ['"a', "", '"a'],
  ['"a"b=1', '"a"b', "1"],
])("metadata filter: %s → key %s, value %s", (text, key, value) => {
  const filter = readFilter(new URLSearchParams([["metadata", text]]));
  if (key === "") expect(badMetadata(filter)).toEqual([text]);
  else expect(bulkFilter(filter).metadata).toEqual({ [key]: value });
});
