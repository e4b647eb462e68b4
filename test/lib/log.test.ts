/** A log record can always be written, whatever went wrong. */

import { afterEach, expect, test, vi } from "vitest";
import { log } from "../../src/lib/log.ts";
import { captureLog } from "../support/log.ts";

afterEach(() => void vi.restoreAllMocks());

function lineOf(fields: Record<string, unknown>): Record<string, unknown> {
  const records = captureLog();
  log("error", "test", fields);
  vi.restoreAllMocks();
  return records[0] ?? expect.fail("nothing was logged");
}

test("an exception is written whole: name, message, stack, causes and the errors it gathers", () => {
  const error = new AggregateError([new RangeError("one"), new Error("two")], "both", {
    cause: new TypeError("root", { cause: "deeper" }),
  });
  expect(lineOf({ error })).toMatchObject({
    level: "error",
    event: "test",
    error: {
      name: "AggregateError",
      message: "both",
      stack: expect.stringContaining("log.test.ts"),
      cause: { name: "TypeError", message: "root", cause: "deeper" },
      errors: [{ message: "one" }, { message: "two" }],
    },
  });
});

test.each([
  ["info", "log"],
  ["warn", "warn"],
  ["error", "error"],
] as const)("level %s → an object for console.%s", (level, method) => {
  const spy = vi.spyOn(console, method).mockImplementation(() => undefined);
  log(level, "test", { job_id: "j" });
  expect(spy.mock.calls).toEqual([[{ level, event: "test", job_id: "j" }]]);
});

test("what JSON cannot hold is written as well as it can be", () => {
  const circular: Record<string, unknown> = { n: 1n };
  circular.self = circular;
  const ownCause = new Error("mine");
  ownCause.cause = ownCause;
  expect(lineOf({ n: 12n })).toMatchObject({ n: "12n" });
  expect(lineOf({ job_id: "j", circular })).toMatchObject({ event: "test", job_id: "j" });
  expect(lineOf({ error: ownCause })).toMatchObject({ error: { message: "mine" } });
  expect(lineOf({ error: new Error("outer", { cause: circular }) }).error).toContain("outer");
});
