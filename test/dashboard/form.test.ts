/** From a type's schema to a form and back to the same JSON; and the command for it. Nothing here asks the service. */

import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { TypeView } from "../../src/dashboard/api.ts";
import { shellQuoted, submitCommand, uploadCommand } from "../../src/dashboard/form/curl.ts";
import {
  initialState,
  placed,
  placesOf,
  plainPointer,
  requestOf,
  withFilesToCome,
} from "../../src/dashboard/form/request.ts";
import { type Schema, shapeOf } from "../../src/dashboard/form/shape.ts";
import { readValue, stateOf, withItem, withoutItem } from "../../src/dashboard/form/state.ts";
import { jobTypes } from "../../src/job-types/index.ts";

const builtIn = [...jobTypes.values()];

const viewOf = ({ type, description, input, example }: (typeof builtIn)[number]): TypeView => ({
  type,
  description,
  input_schema: z.toJSONSchema(input, { io: "input" }),
  limits: {
    max_attempts: 5,
    attempt_timeout_ms: 1,
    heartbeat_timeout_ms: null,
    total_timeout_ms: 1,
    retention_ms: 1,
  },
  example,
});

/** Every leaf of an input, so that no control is left out. */
const inputs: Record<string, object[]> = {
  "csv.import": [{ file: "file_01abc", dataset: "orders", delimiter: ";" }],
  "http.request": [
    {
      url: "https://example.com/a",
      method: "POST",
      headers: { "X-A": "b: c", Y: "" },
      body: "text",
      timeout_ms: 1000,
    },
    { url: "https://example.com/a", method: "PUT", body: { a: [1, { b: null }] } },
    { url: "https://example.com/a", method: "PUT", body: [1, "two"] },
  ],
  "payments.reconcile": [{ ledger: "a", statement: "b", key: "k", amount: "m", tolerance: "0.01" }],
  "report.export": [
    {
      dataset: "orders",
      group_by: "country",
      metrics: [{ op: "count" }, { op: "count", column: "a" }, { op: "avg", column: "b" }],
      format: "json",
      requested_by: "ada",
    },
  ],
  "test.simulate": [
    {},
    {
      duration_ms: 5,
      steps: 3,
      progress: "coarse",
      heartbeats: false,
      ignore_cancel: true,
      attempts: [
        { outcome: "fail", kind: "timeout", code: "slow", message: "It's slow.\nVery.", retry_after_ms: 0 },
        { outcome: "crash", message: "" },
        { outcome: "hang" },
        { outcome: "succeed" },
      ],
      result: { deep: [1, null, "x"] },
    },
  ],
  "jobs.bulk": [
    {
      action: "cancel",
      filter: {
        status: ["queued", "running"],
        type: ["a", "b"],
        created_after: "2026-11-22T12:00:00.000Z",
        metadata: { team: "billing" },
      },
      per_second: 7,
    },
  ],
};

describe.each(builtIn.map((type) => [type.type, type] as const))("the form of %s", (name, type) => {
  const shape = shapeOf(z.toJSONSchema(type.input, { io: "input" }) as Schema);

  test("gives back the example", () => {
    expect(readValue(shape, stateOf(shape, type.example))).toEqual({ value: type.example, faults: [] });
  });

  test("gives back whatever the type takes", () => {
    const known = inputs[name];
    expect(known, `inputs of ${name}`).toBeDefined();
    for (const input of known ?? []) {
      expect(type.input.safeParse(input).error, JSON.stringify(input)).toBeUndefined();
      expect(readValue(shape, stateOf(shape, input))).toEqual({ value: input, faults: [] });
    }
  });

  test("has a place for each of the type's properties", () => {
    const view = viewOf(type);
    const properties = Object.keys((view.input_schema as Schema).properties ?? {});
    const places = placesOf(view, initialState(view, "k"));
    expect(places).toEqual(expect.arrayContaining(properties.map((property) => `/input/${property}`)));
  });
});

const simulated = viewOf(
  builtIn.find(({ type }) => type === "test.simulate") ?? expect.fail("test.simulate is gone"),
);
const csvImport = viewOf(
  builtIn.find(({ type }) => type === "csv.import") ?? expect.fail("csv.import is gone"),
);
const form = (pairs: Record<string, string>) =>
  new Map(Object.entries(pairs).map(([name, text]) => [name, [text]]));

describe("a form's texts", () => {
  test("become the options beside the input", () => {
    const { body, idempotencyKey, faults } = requestOf(
      test.simulate,
      form({
        "/idempotency_key": " k-1 ",
        "/metadata": "customer: 42\r\nnote: a: b",
        "/run_at": "2026-11-22T13:30",
        "/max_attempts": "2",
        "/on_conflict": "reject",
        "/webhook/url": "https://example.com/hook",
        "/webhook/events": "job.failed",
      }),
    );
    expect(faults).toEqual([]);
    expect(idempotencyKey).toBe("k-1");
    expect(body).toEqual({
      type: "test.simulate",
      input: {},
      metadata: { customer: "42", note: "a: b" },
      run_at: "2026-11-22T13:30:00Z",
      max_attempts: 2,
      on_conflict: "reject",
      webhook: { url: "https://example.com/hook", events: ["job.failed"] },
    });
  });

  test("left empty are left out", () => {
    const empty = form({
      "/idempotency_key": "",
      "/metadata": "",
      "/run_at": "",
      "/webhook/url": "",
      "/input/steps": " ",
    });
    expect(requestOf(simulated, empty)).toEqual({
      body: { type: "test.simulate", input: {} },
      idempotencyKey: null,
      faults: [],
    });
  });

  test("that make no sense are told where they stand", () => {
    const { faults } = requestOf(
      test.simulate,
      form({
        "/input/steps": "many",
        "/input/result": "{",
        "/metadata": "no colon",
        "/webhook/events": "job.failed",
      }),
    );
    expect(faults.map(({ pointer }) => pointer).sort()).toEqual([
      "/input/result",
      "/input/steps",
      "/metadata",
      "/webhook/url",
    ]);
  });

  test("that give a name twice are told so, and neither value is dropped unseen", () => {
    const { faults } = requestOf(simulated, form({ "/metadata": "a: 1\nb: 2\na: 3" }));
    expect(faults).toEqual([{ pointer: "/metadata", detail: "Write a once." }]);
  });

  test("without a file say that one is needed, and a command shows where its id goes", () => {
    const state = form({ "/input/dataset": "orders" });
    expect(requestOf(csvImport, state).faults).toEqual([
      { pointer: "/input/file", detail: "Choose a file, or give the id of a stored one." },
    ]);
    expect(requestOf(csvImport, withFilesToCome(csvImport, state)).body).toEqual({
      type: "csv.import",
      input: { file: "file_…", dataset: "orders" },
    });
  });

  test("of a first form leave out files that nobody has", () => {
    expect([...initialState(csvImport, "k").keys()]).toEqual(["/input/dataset", "/idempotency_key"]);
  });
});

describe("a list in a form", () => {
  const state = stateOf(shapeOf(simulated.input_schema as Schema), {
    attempts: [
      { outcome: "crash", message: "one" },
      { outcome: "hang" },
      { outcome: "crash", message: "three" },
    ],
  });
  const outcomes = (next: ReadonlyMap<string, readonly string[]>) =>
    readValue(shapeOf(simulated.input_schema as Schema), next).value;

  test("takes another item", () => {
    expect(outcomes(withItem(state, "/attempts"))).toEqual({
      attempts: [
        { outcome: "crash", message: "one" },
        { outcome: "hang" },
        { outcome: "crash", message: "three" },
        { outcome: "succeed" },
      ],
    });
  });

  test("loses the one that is removed, and the later ones move up", () => {
    expect(outcomes(withoutItem(state, "/attempts", 0))).toEqual({
      attempts: [{ outcome: "hang" }, { outcome: "crash", message: "three" }],
    });
    const last = withoutItem(withoutItem(withoutItem(state, "/attempts", 2), "/attempts", 1), "/attempts", 0);
    expect(outcomes(last)).toEqual({});
  });
});

test("a box that is ticked by default is ticked at first, and says no once it is unticked", () => {
  const input_schema = { type: "object", properties: { flag: { type: "boolean", default: true } } };
  const type: TypeView = { ...simulated, input_schema, example: {} };
  const first = initialState(type, "k");
  expect(first.get("/input/flag")).toEqual(["true"]);
  expect(requestOf(type, first).body.input).toEqual({});
  expect(requestOf(type, form({ "/idempotency_key": "k" })).body.input).toEqual({ flag: false });
});

test("an optional union is left out unless one of its ways is chosen", () => {
  const way = {
    type: "object",
    properties: { kind: { const: "a" }, b: { type: "string" } },
    required: ["kind"],
  };
  const shape = shapeOf({ type: "object", properties: { maybe: { oneOf: [way] } } });
  expect(readValue(shape, form({ "/maybe/kind": "" })).value).toEqual({});
  expect(readValue(shape, form({ "/maybe/kind": "a", "/maybe/b": "c" })).value).toEqual({
    maybe: { kind: "a", b: "c" },
  });
});

test("what the API finds wrong is shown at the nearest place there is", () => {
  const places = ["", "/input", "/input/attempts", "/input/attempts/0", "/metadata"];
  const at = (pointer: string) => placed([{ pointer: plainPointer(pointer), detail: "No." }], places)[0];
  expect(at("#/input/attempts")).toEqual({ pointer: "/input/attempts", detail: "No." });
  expect(at("#/input/attempts/0/kind")).toEqual({
    pointer: "/input/attempts/0",
    detail: "input/attempts/0/kind: No.",
  });
  expect(at("#/metadata/a%20b")).toEqual({ pointer: "/metadata", detail: "metadata/a b: No." });
  expect(at("#/elsewhere")).toEqual({ pointer: "", detail: "elsewhere: No." });
  expect(plainPointer("#/100%")).toBe("/100%");
});

describe("a command", () => {
  test.each([
    ["plain", "'plain'"],
    ["it's", "'it'\\''s'"],
    ['$(rm -rf /) `x` \\ "y"\nz', "'$(rm -rf /) `x` \\ \"y\"\nz'"],
  ])("quotes %j for a shell", (text, quoted) => {
    expect(shellQuoted(text)).toBe(quoted);
  });

  test("names the variable that holds the key, and no key", () => {
    expect(submitCommand("http://localhost:8787", { type: "a", input: { b: "it's" } }, "k'1")).toBe(
      [
        "curl 'http://localhost:8787/v1/jobs' \\",
        '  -H "Authorization: Bearer $ACCEPTED_KEY" \\',
        "  -H 'Content-Type: application/json' \\",
        "  -H 'Idempotency-Key: k'\\''1' \\",
        `  --data-binary '{\n  "type": "a",\n  "input": {\n    "b": "it'\\''s"\n  }\n}'`,
      ].join("\n"),
    );
    expect(uploadCommand("http://localhost:8787", "my 'file'.csv")).toContain(
      "--data-binary '@my '\\''file'\\''.csv'",
    );
  });
});
