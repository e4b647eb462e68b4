/** W3C Trace Context: a caller's trace is continued by its rules, or a new one begins. */

import { expect, test } from "vitest";
import { continueTrace } from "../../src/api/request/trace-context.ts";

const [TRACE, PARENT] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
const VALID = `00-${TRACE}-${PARENT}-01`;
const stateOf = (state: string) => continueTrace(VALID, state).tracestate;

test.each([
  [VALID, `00-${TRACE}-.{16}-01`],
  [` ${VALID} `, `00-${TRACE}-.{16}-01`],
  [`00-${TRACE}-${PARENT}-00`, `00-${TRACE}-.{16}-00`],
  [`00-${TRACE}-${PARENT}-fd`, `00-${TRACE}-.{16}-01`],
  [`cc-${TRACE}-${PARENT}-01-what-the-future-will-be`, `00-${TRACE}-.{16}-01`],
  [`cc-${TRACE}-${PARENT}-01`, `00-${TRACE}-.{16}-01`],
])("traceparent: %s → continued", (header, expected) => {
  const { traceparent } = continueTrace(header, "a=1");
  expect(traceparent).toMatch(new RegExp(`^${expected}$`));
  expect(traceparent).not.toContain(PARENT);
});

test.each([
  undefined,
  "",
  `${VALID}-extra`,
  `ff-${TRACE}-${PARENT}-01`,
  `00-${"0".repeat(32)}-${PARENT}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  VALID.toUpperCase(),
  `cc-${TRACE}-${PARENT}-01.extra`,
  `${VALID},${VALID}`,
])("traceparent: %s → a new trace, without the caller's tracestate", (header) => {
  const { traceparent, tracestate } = continueTrace(header, "a=1");
  expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(traceparent).not.toContain(TRACE);
  expect(tracestate).toBeNull();
});

const long = (key: string, chars: number) => `${key}=${"x".repeat(chars)}`;

test.each([
  ["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"],
  [" a=1 ,\t, b=2 ", "a=1,b=2"],
  ["tenant@vendor=x y", "tenant@vendor=x y"],
  [
    [long("a", 100), long("b", 250), long("c", 200), long("d", 9)].join(),
    [long("a", 100), long("d", 9)].join(),
  ],
  [
    Array.from({ length: 6 }, (_, n) => long(`k${n}`, 100)).join(),
    Array.from({ length: 4 }, (_, n) => long(`k${n}`, 100)).join(),
  ],
])("tracestate: %s → %s", (header, expected) => {
  expect(stateOf(header)).toBe(expected);
});

test.each([
  ["no members", ""],
  ["a key twice", "a=1,a=2"],
  ["no value", "a="],
  ["a value with an equals sign", "a=1=2"],
  ["a key in capitals", "A=1"],
  ["33 members", Array.from({ length: 33 }, (_, n) => `k${n}=1`).join()],
  ["a text that is no member", "a=1,b"],
  ["a character that is not ASCII", "a=\u00fc"],
])("tracestate: %s → discarded", (_what, header) => {
  expect(stateOf(header)).toBeNull();
});
