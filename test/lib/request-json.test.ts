/** JSON bodies: nothing is lost silently. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { Problem } from "../../src/api/problems.ts";
import { parseJson } from "../../src/api/request/json.ts";

function problemOf(text: string): Problem {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

test("inexact numbers: each → its pointer", () => {
  const text =
    '{"a/b":[1,1234567890123456789],"c":{"~":12345678901234567.89,"ok":"1234567890123456789"},"d":1e999}';
  const { code, occasion } = problemOf(text);
  expect(code).toBe("malformed_request");
  expect(occasion.members?.errors?.map(({ pointer }) => pointer)).toEqual(["#/a~1b/1", "#/c/~0", "#/d"]);
});

test("exact numbers, also long ones → the value", () => {
  expect(parseJson('{"a":123456789012.345,"b":[1.50000000000000000000,-0,1e2]}')).toEqual({
    a: 123456789012.345,
    b: [1.5, -0, 100],
  });
});

test.each(['{"a":1,"a":2}', '[{"x":{"a":1,"\\u0061":1}}]', '{"a":{"b":1},"c":{"b":1,"b":1}}'])(
  "a key twice in one object: %s → rejected",
  (text) => {
    expect(problemOf(text).occasion.detail).toContain("a key twice");
  },
);

test.each(['{"a":":","b\\":":{"a":"\\\\"}}', '[":",{"a":[]}]', '"a:b"'])(
  "colons in strings: %s → accepted",
  (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  },
);

test("any JSON value → the same value", () => {
  const isSafe = (value: unknown) => typeof value !== "number" || !/^-?\d{16,}$/.test(JSON.stringify(value));
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(text.isWellFormed() && !text.includes("__proto__"));
      let isEverySafe = true;
      JSON.stringify(value, (_key, one) => {
        isEverySafe &&= isSafe(one);
        return one;
      });
      fc.pre(isEverySafe);
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test("64 KB of hostile text → an answer in linear time", () => {
  for (const text of [
    '"'.repeat(65_536),
    "[".repeat(65_536),
    `{"a":${"1".repeat(65_536)}}`,
    ":".repeat(65_536),
  ]) {
    expect(problemOf(text).code).toBe("malformed_request");
  }
});
