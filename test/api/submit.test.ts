import { describe, expect, test } from "vitest";
import { call, finished, refusal, submit } from "../support/http.ts";
import { LATER } from "../support/later.ts";

describe("a job that is submitted", () => {
  test("has the limits that were asked for, up to the type's own", async () => {
    const { job } = await submit({ max_attempts: 2, total_timeout_ms: 86_400_000 });
    expect(job.max_attempts).toBe(2);
  });

  test("keeps what clients call their own, whatever it is called", async () => {
    const metadata = { constructor: "a", toString: "b", "a/b ~": "ü", "": undefined, empty: "" };
    const { job } = await submit({ metadata });
    expect(Object.entries(job.metadata).sort()).toEqual([
      ["a/b ~", "ü"],
      ["constructor", "a"],
      ["empty", ""],
      ["toString", "b"],
    ]);
  });

  test("may have an input that fills the body", async () => {
    const text = "x".repeat(60 * 1024);
    const { job } = await submit({ input: { result: text } }, { as: "acme" });
    expect((await finished(job.id)).result).toBe(text);
  });
});

describe("an unknown type", () => {
  test.each(["nonsense", "", "__proto__", "constructor", "Test.simulate"])(
    "%j is refused, and the known are named",
    async (type) => {
      const answer = await call("POST", "/v1/jobs", { json: { type, input: {} } });
      expect(refusal(answer)).toEqual([422, "unknown_job_type"]);
      expect(answer.problem.detail).toContain("test.simulate");
      expect(answer.problem.detail).toContain("http.request");
    },
  );
});

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

describe("a faulty submission", () => {
  const pointersOf = async (json: unknown) => {
    const answer = await call("POST", "/v1/jobs", { json });
    expect(refusal(answer)).toEqual([422, "invalid_request"]);
    return (answer.problem.errors ?? []).map(({ pointer }) => pointer).sort();
  };
  const simulated = (fields: object) => ({ type: "test.simulate", input: {}, ...fields });

  test("is told all its faults at once, each with a pointer", async () => {
    const json = {
      type: "test.simulate",
      input: { duration_ms: -1, attempts: [{ outcome: "succeed" }, { outcome: "explode" }], colour: "red" },
      metadata: { a: 1, b: "x".repeat(501) },
      run_at: "tomorrow",
      start_timeout_ms: 0,
      max_attempts: 1.5,
      total_timeout_ms: "1",
      on_conflict: "ignore",
      "what/is~this": true,
      priority: -9,
    };
    expect(await pointersOf(json)).toEqual([
      "#/input/attempts/1/outcome",
      "#/input/colour",
      "#/input/duration_ms",
      "#/max_attempts",
      "#/metadata/a",
      "#/metadata/b",
      "#/on_conflict",
      "#/priority",
      "#/run_at",
      "#/start_timeout_ms",
      "#/total_timeout_ms",
      "#/what~1is~0this",
    ]);
  });

  test.each([
    ["no type", { input: {} }, ["#/type"]],
    ["a type that is no string", { type: 1, input: {} }, ["#/type"]],
    [
      "no type, and other faults",
      { input: {}, nonsense: 1, max_attempts: 0 },
      ["#/max_attempts", "#/nonsense", "#/type"],
    ],
    ["no input", { type: "test.place" }, ["#/input"]],
    ["an input that is no object", { type: "test.place", input: "here" }, ["#/input"]],
    ["an input that lacks a field", { type: "test.place", input: {} }, ["#/input/place"]],
    ["null", null, ["#"]],
    ["a list", [], ["#"]],
    ["a string", "test.simulate", ["#"]],
    ["a number", 1, ["#"]],
    ["metadata that is no object", simulated({ metadata: [] }), ["#/metadata"]],
    ["null for a field", simulated({ run_at: null }), ["#/run_at"]],
    [
      "too many attempts for the type",
      { type: "http.request", input: { url: "https://example.org/", method: "GET" }, max_attempts: 6 },
      ["#/max_attempts"],
    ],
    ["too many attempts for any type", simulated({ max_attempts: 1000 }), ["#/max_attempts"]],
    ["no attempts", simulated({ max_attempts: 0 }), ["#/max_attempts"]],
    ["more time than the type has", simulated({ total_timeout_ms: DAY + 1 }), ["#/total_timeout_ms"]],
    ["no time", simulated({ total_timeout_ms: 0 }), ["#/total_timeout_ms"]],
    [
      "a key of metadata that is too long",
      simulated({ metadata: { ["k".repeat(41)]: "" } }),
      [`#/metadata/${"k".repeat(41)}`],
    ],
    [
      "a value of metadata that is too long",
      simulated({ metadata: { k: "v".repeat(501) } }),
      ["#/metadata/k"],
    ],
    [
      "17 pairs of metadata",
      simulated({ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, ""])) }),
      ["#/metadata"],
    ],
    ["a run_at without an offset", simulated({ run_at: "2026-12-01T00:00:00" }), ["#/run_at"]],
    ["a run_at without seconds", simulated({ run_at: "2026-12-01T00:00Z" }), ["#/run_at"]],
    ["a run_at that is no day", simulated({ run_at: "2026-02-30T00:00:00Z" }), ["#/run_at"]],
    ["a run_at as a number", simulated({ run_at: 1_800_000_000 }), ["#/run_at"]],
    ["a wait longer than a year", simulated({ start_timeout_ms: 365 * DAY + 1 }), ["#/start_timeout_ms"]],
  ])("(%s) is pointed at", async (_what, json, pointers) => {
    expect(await pointersOf(json)).toEqual(pointers);
  });

  test("may name a run_at at most 365 days ahead", async () => {
    expect(await pointersOf(simulated({ run_at: inMs(365 * DAY + 60_000) }))).toEqual(["#/run_at"]);
  });

  test("is told limits of the type and faults of the input together", async () => {
    expect(await pointersOf(simulated({ total_timeout_ms: DAY + 1, input: { steps: 0 } }))).toEqual([
      "#/input/steps",
      "#/total_timeout_ms",
    ]);
  });

  test("may be told of a thousand faults, not more", async () => {
    const json = simulated(Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`field_${n}`, n])));
    expect(await pointersOf(json)).toHaveLength(1_000);
  });
});

describe("a job for later", () => {
  test("may be asked for in any offset, and is answered in UTC", async () => {
    const day = LATER.slice(0, 10);
    const { job } = await submit({ run_at: `${day}T23:30:00.5+05:30` });
    expect(job.next_attempt_at).toBe(`${day}T18:00:00.500Z`);
  });

  test("may lie almost a year ahead", async () => {
    expect((await submit({ run_at: inMs(365 * DAY - 60_000) })).job.status_reason).toBe("scheduled");
  });

  test("is due at once if its time has passed", async () => {
    for (const run_at of [inMs(-1), inMs(-HOUR), "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]) {
      const { job, headers } = await submit({ run_at });
      expect(job).toMatchObject({ status_reason: "waiting_for_worker", next_attempt_at: null });
      expect(headers.get("Retry-After")).toBe("1");
    }
  });
});

describe("a job that must begin within a time", () => {
  test("is run if it did", async () => {
    const { job } = await submit({ start_timeout_ms: 60_000 }, { as: "acme" });
    expect((await finished(job.id)).status).toBe("succeeded");
  });
});
