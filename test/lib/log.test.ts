/** A log line is always one line of JSON, whatever went wrong. */

import { afterEach, expect, test, vi } from "vitest";
import { log } from "../../src/lib/log.ts";

const spy = vi.spyOn(console, "log").mockImplementation(() => undefined);
afterEach(() => void spy.mockClear());

function lineOf(fields: Record<string, unknown>): Record<string, unknown> {
  log("error", "test", fields);
  return JSON.parse(String(spy.mock.lastCall?.[0]));
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
