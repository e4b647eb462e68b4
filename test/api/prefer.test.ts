/** The Prefer header by the grammar of RFC 7240 section 2, errata included, as far as `wait` is concerned. */

import { describe, expect, test } from "vitest";
import { parseWait, WAIT_SECONDS_MAX } from "../../src/api/request/prefer.ts";

describe("wait is understood", () => {
  test.each<[string, string, number]>([
    ["plainly", "wait=10", 10],
    ["as zero", "wait=0", 0],
    ["with leading zeros", "wait=007", 7],
    ["in any case", "WAIT=10", 10],
    ["in mixed case", "WaIt=10", 10],
    ["quoted", 'wait="10"', 10],
    ["quoted with escapes", 'wait="1\\0"', 10],
    ["with white space around the equals sign", "wait \t=  10 ", 10],
    ["after another preference", "respond-async, wait=10", 10],
    ["before another preference", "wait=10,respond-async", 10],
    ["among empty elements", ", ,wait=10,, ", 10],
    ["with parameters, which it does not have", "wait=10; foo=bar;baz", 10],
    ["with an empty parameter", "wait=10 ; ", 10],
    ["after a preference with parameters", 'foo; some-parameter="x; wait=3", wait=10', 10],
    ["after a quoted comma", 'foo="a, wait=9", wait=10', 10],
    ["after an escaped quote and a comma", 'foo="a\\", wait=9", wait=10', 10],
    ["after an escaped backslash", 'foo="a\\\\", wait=10', 10],
    ["after what is no preference", "=, ;;;, (?), wait=10", 10],
    ["up to the limit", `wait=${WAIT_SECONDS_MAX}`, 55],
    ["beyond the limit, as the limit", "wait=56", 55],
    ["far beyond the limit, as the limit", `wait=${"9".repeat(400)}`, 55],
  ])("%s", (_, header, seconds) => expect(parseWait(header)).toBe(seconds));
});

describe("of several wait the first counts", () => {
  test.each<[string, string, number | null]>([
    ["in one line", "wait=10, wait=20", 10],
    ["whatever its case", "Wait=10, wait=20", 10],
    ["even if it is zero", "wait=0, wait=20", 0],
    ["even if it cannot be understood", "wait=soon, wait=20", null],
  ])("%s", (_, header, seconds) => expect(parseWait(header)).toBe(seconds));

  test("in several lines, which are one by commas", () => {
    const headers = new Headers();
    for (const line of ["respond-async", 'handling="lenient"', "wait=10", "wait=20"])
      headers.append("Prefer", line);
    expect(parseWait(headers.get("Prefer") ?? undefined)).toBe(10);
  });
});

describe("what cannot be understood is ignored", () => {
  test.each([
    [""],
    [" , "],
    ["wait"],
    ["wait="],
    ['wait=""'],
    ["wait=soon"],
    ["wait=-1"],
    ["wait=+1"],
    ["wait=1.5"],
    ["wait=1e1"],
    ["wait=0x10"],
    ["wait=1 0"],
    ["wait=10=10"],
    ["wait: 10"],
    ['wait="10'],
    ['wait="10;5"'],
    ["wait='10'"],
    ["await=10"],
    ["wait-a-bit=10"],
    ["foo; wait=10"],
    ['foo="wait=10"'],
    ['foo="bar, wait=10'],
    ["respond-async"],
  ])("%j", (header) => expect(parseWait(header)).toBeNull());

  test("nor does it matter when there is none", () => expect(parseWait(undefined)).toBeNull());
});

test("a long header takes no longer than its length", () => {
  const started = performance.now();
  for (const header of [
    `wait${" ".repeat(100_000)}(`,
    `wait=${" ".repeat(100_000)}(`,
    '\\"'.repeat(50_000),
    `"${'\\"'.repeat(50_000)}\\`,
    `${'"'.repeat(99_999)}`,
    ";=".repeat(50_000),
  ]) {
    expect(parseWait(header)).toBeNull();
  }
  // Quadratic, each takes seconds.
  expect(performance.now() - started).toBeLessThan(1_000);
});
