/** Draws requests of every kind, most of them bad, and often nearly good. */

import fc from "fast-check";

const { oneof, constantFrom, constant, string, record, array, integer, uint8Array, dictionary } = fc;

export const visible = string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const words = (...given: string[]) => oneof(constantFrom(...given), visible);

const headerValues: Record<string, fc.Arbitrary<string>> = {
  "Idempotency-Key": words(
    '"',
    '"a"',
    '"a";b',
    "a, b",

    "0",
    "(",
    ":YQ==:",
    "?1",
    '"\\"',
    "\ta",
  ),
  "If-Match": words('"1"', "*", 'W/"1"', '"', "W/", ",,", '"1",', '"99999999999999999999"'),
  "If-None-Match": words('"1"', "*", 'W/"1"', '"', "W/", ",,", '"1",'),
  "Content-Type": words(
    "application/json",
    "application/json;",
    "text/plain",
    "a/b;c",
    ";",
    "multipart/form-data",
    "APPLICATION/JSON;charset=x",
  ),
  Authorization: words("Bearer", "Bearer x", "Basic eDp5", "bearer acpt_", "Bearer  "),
  Prefer: words("wait=1e9", "wait", "wait=-1", "respond-async", "wait=0, wait=0", 'wait="0"', ";"),
  traceparent: words(
    "00-",
    `00-${"0".repeat(32)}-${"0".repeat(16)}-01`,
    `ff-${"a".repeat(32)}-${"b".repeat(16)}-00`,
  ),
  tracestate: words("a=1", "a=1,a=2", "=", ",,,", `a=${"b".repeat(300)}`, "A=1", "tenant@vendor=1"),
  Via: words("1.1 accepted", "1.1 a, 1.1 accepted", ",", "1.1"),
  "Content-Encoding": words("gzip", "identity", "identity, identity", "br", "", ","),
  Range: words(
    "bytes=0-",
    "bytes=-1",
    "bytes=9-1",
    "bytes=0-0,2-2",
    "items=1-2",
    "bytes=99999999999999999999-",
  ),
  Accept: words("text/event-stream", "application/xml", "*/*;q=x", "application/json"),
  "Last-Event-ID": words("1", "-1", "999999999999999999999", "x"),
  Origin: words("null", "https://a.example"),
  "Access-Control-Request-Headers": words(",,,", "a b c", "authorization"),
};
export const headers: fc.Arbitrary<[string, string][]> = record(headerValues, { requiredKeys: [] }).map(
  (given) => Object.entries(given).filter((pair): pair is [string, string] => pair[1] !== undefined),
);

const json = fc.jsonValue({ maxDepth: 6, stringUnit: "binary" });
const monsters = constantFrom<unknown>(
  1e308,
  -0,
  "\ud800",
  "",
  [],
  {},
  null,
  true,
  { toJSON: 1 },
  "__proto__",
  Number.MAX_SAFE_INTEGER + 2,
);
export const anything = oneof(json, monsters);

const fields = {
  type: oneof(
    constantFrom(
      "test.simulate",
      "test.place",
      "test.dedupe_window",
      "http.request",
      "report.export",
      "csv.import",
      "__proto__",
    ),
    anything,
  ),
  input: oneof(
    record(
      { duration_ms: anything, steps: anything, attempts: anything, result: anything },
      { requiredKeys: [] },
    ),
    record(
      { place: anything, n: anything, url: oneof(fc.webUrl(), anything), method: constantFrom("GET", "x") },
      { requiredKeys: [] },
    ),
    record(
      { dataset: anything, metrics: anything, format: anything, requested_by: anything, file: anything },
      { requiredKeys: [] },
    ),
    anything,
  ),
  metadata: oneof(dictionary(string(), string()), anything),
  run_at: oneof(
    constantFrom(
      "2026-12-01T00:00:00Z",
      "0000-01-01T00:00:00Z",
      "9999-12-31T23:59:59Z",
      "2026-12-01t00:00:00z",
      "2026-12-01T24:00:00Z",
    ),
    anything,
  ),
  start_timeout_ms: oneof(integer(), anything),
  max_attempts: oneof(integer({ max: 30 }), anything),
  total_timeout_ms: oneof(integer(), anything),
  on_conflict: oneof(constantFrom("use_existing", "reject"), anything),
};
/** JSON texts that parsers read in different ways. */
const oddJson = constantFrom(
  '{"type":"test.simulate","input":{"result":12345678901234567890}}',
  '{"type":"test.simulate","input":{"result":1.00000000000000000001}}',
  '{"type":"test.simulate","input":{},"input":{"steps":2}}',
  '{"type":"test.simulate","input":{"result":"\\ud800"}}',
  '\ufeff{"type":"test.simulate","input":{}}',
  '{"type":"jobs.bulk","input":{"action":"replay","filter":{},"as_of":"2026-01-01T00:00:00Z"}}',
);
/** Often nearly right: what is refused at the first look tests no second one. */
export const submission = oneof(
  { weight: 3, arbitrary: record(fields, { requiredKeys: ["type", "input"] }) },
  {
    weight: 3,
    arbitrary: record(
      { type: constant("test.simulate"), input: record({ result: anything }), metadata: fields.metadata },
      { requiredKeys: ["type", "input"] },
    ),
  },
  { weight: 1, arbitrary: record({ ...fields, extra: anything }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: anything },
);
export const body = oneof<fc.Arbitrary<BodyInit>[]>(
  submission.map((value) => JSON.stringify(value)),
  oddJson,
  uint8Array({ maxLength: 200 }),
  string({ unit: "binary", maxLength: 100 }),
  fc.tuple(submission, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    bytes[at % Math.max(1, bytes.length)] = byte;
    return bytes;
  }),
  fc.tuple(submission, fc.nat()).map(([value, at]) => {
    const text = JSON.stringify(value);
    return text.slice(0, at % (text.length + 1));
  }),
);

const segment = oneof(
  constantFrom(
    "v1",
    "jobs",
    "job-types",
    "files",
    "events",
    "result",
    "cancel",
    "replay",
    "health",
    "problems",
    "openapi.json",
    "..",
    ".",
    "",
    "%",
    "%00",
    "%2F",
    "__proto__",
    "*",
  ),
  fc.constantFrom("queued", "finished").map((which) => `{${which}}`),
  string({ maxLength: 10 }).map((text) => encodeURIComponent(text.toWellFormed())),
);
export const path = oneof(
  array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`),
  constantFrom(
    "/v1/jobs",
    "/v1/jobs/{queued}",
    "/v1/jobs/{finished}",
    "/v1/jobs/{finished}/events",
    "/v1/jobs/{queued}/result",
    "/v1/jobs/{finished}/result",
    "/v1/jobs/{finished}/replay",
    "/v1/bulk",
    "/v1/stats",
  ),
);
export const query = oneof(
  constant(""),
  visible.map((text) => `?after=${encodeURIComponent(text)}`),
  visible.map((text) => `?${text}`),
);
