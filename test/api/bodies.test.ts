import { describe, expect, test } from "vitest";
import { type Call, call, finished, freshKey, refusal, submit } from "../support/http.ts";

const JSON_TYPE = { "Content-Type": "application/json" };
const post = (body: BodyInit, headers: Record<string, string> = JSON_TYPE) =>
  call("POST", "/v1/jobs", { body, headers });
const good = '{"type":"test.simulate","input":{}}';
const bytes = (...values: number[]) => new Uint8Array(values);
const MIB = 1024 * 1024;

describe("a body's media type", () => {
  test.each([
    "application/json",
    "APPLICATION/JSON",
    "Application/Json ; Charset=UTF-8",
    "application/json;charset=utf-8;x=y",
    'application/json; profile="a;b"',
    " application/json ",
  ])("may be %s", async (type) => {
    expect((await post(good, { "Content-Type": type })).status).toBe(202);
  });

  test.each([
    "text/plain",
    "text/json",
    "application/json5",
    "application/jsonp",
    "application/problem+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application",
    "json",
    "*/*",
    "application/json, application/json",
    ";application/json",
  ])("must not be %s", async (type) => {
    expect(refusal(await post(good, { "Content-Type": type }))).toEqual([415, "unsupported_media_type"]);
  });

  test("must be given", async () => {
    expect(refusal(await post(new TextEncoder().encode(good), {}))).toEqual([415, "unsupported_media_type"]);
    expect(refusal(await call("POST", "/v1/jobs"))).toEqual([415, "unsupported_media_type"]);
  });
});

describe("a body that is no JSON", () => {
  test.each<[string, BodyInit]>([
    ["empty", ""],
    ["only white space", " \n"],
    ["cut off", good.slice(0, -1)],
    ["followed by more", `${good}{}`],
    ["one word", "hello"],
    ["a comment", `/* hi */${good}`],
    ["single quotes", "{'type':'test.simulate'}"],
    ["NaN", '{"type":"test.simulate","input":{"steps":NaN}}'],
    ["a trailing comma", '{"type":"test.simulate",}'],
    ["an open string", '{"type":"reh'],
    ["a raw control character", '{"type":"reh\u0001"}'],
    ["a byte that is no UTF-8", bytes(0x22, 0xff, 0x22)],
    ["UTF-8 that is too long", bytes(0x22, 0xc0, 0xaf, 0x22)],
    ["half of a character", bytes(0x22, 0xe2, 0x82)],
    ["a surrogate in UTF-8", bytes(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ["UTF-16", new Uint8Array(new Uint16Array([...good].map((char) => char.charCodeAt(0))).buffer)],
    ["nothing but zeros", new Uint8Array(100)],
  ])("is malformed: %s", async (_what, body) => {
    expect(refusal(await post(body))).toEqual([400, "malformed_request"]);
  });

  test("may begin with a byte order mark, which is ignored (RFC 8259 section 8.1)", async () => {
    expect((await post(`\uFEFF${good}`)).status).toBe(202);
  });
});

describe("a body that is well-formed, but monstrous", () => {
  const nested = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth);
  const withResult = (json: string) => `{"type":"test.simulate","input":{"result":${json}}}`;

  test.each<[string, string]>([
    ["lists nested 100,000 deep", nested(100_000, "[", "]")],
    ["objects nested 100,000 deep", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
    ["lists nested half a million deep", nested(500_000, "[", "]")],
    ["a result nested deep", withResult(nested(10_000, "[", "]"))],
    [
      "metadata nested deep",
      `{"type":"test.simulate","input":{},"metadata":{"a":${nested(10_000, "[", "]")}}}`,
    ],
    ["half a million numbers", `[${"1,".repeat(500_000)}1]`],
    ["half a million numbers as the result", withResult(`[${"1,".repeat(500_000)}1]`)],
    [
      "sixty thousand fields",
      JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`f${n}`, n]))),
    ],
    [
      "a hundred thousand outcomes",
      `{"type":"test.simulate","input":{"attempts":[${"0,".repeat(100_000)}0]}}`,
    ],
    ["a key __proto__", '{"__proto__":{"type":"test.simulate"},"input":{}}'],
    ["a key __proto__ in the input", '{"type":"test.simulate","input":{"__proto__":{"steps":1}}}'],
    ["a key __proto__ in a result", withResult('[{"a":{"__proto__":1}}]')],
    ["a key __proto__ in the metadata", '{"type":"test.simulate","input":{},"metadata":{"__proto__":"x"}}'],
    ["a number beyond all numbers", withResult("1e400")],
    ["half a surrogate pair", withResult('"\\ud800"')],
    ["half a surrogate pair in a key", withResult('{"\\udc00":1}')],
  ])(
    "is refused quickly: %s",
    async (_what, body) => {
      for (const headers of [JSON_TYPE, { ...JSON_TYPE, "Idempotency-Key": freshKey() }]) {
        const answer = await post(body, headers);
        expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
        expect(answer.status, answer.text).toBeLessThan(500);
      }
    },
    3_000,
  );

  test.each([withResult(nested(50, "[", "]")), withResult(`[${"1,".repeat(9_000)}1]`)])(
    "is not one that is merely large (%#)",
    async (body) => {
      expect((await post(body)).status).toBe(202);
    },
  );

  test("is not one with keys that only look dangerous", async () => {
    const result = { constructor: { prototype: 1 }, hasOwnProperty: null, toString: "x", "": { valueOf: 1 } };
    const { job } = await submit({ input: { result } }, { as: "acme" });
    expect((await finished(job.id)).result).toEqual(result);
  });
});

describe("a body of 1 MiB", () => {
  const padded = (size: number) => good.padEnd(size, " ");
  const chunked = (text: string): ReadableStream => {
    const all = new TextEncoder().encode(text);
    let from = 0;
    return new ReadableStream({
      pull(controller) {
        if (from >= all.length) return controller.close();
        controller.enqueue(all.slice(from, from + 65_537));
        from += 65_537;
      },
    });
  };
  const forms: [string, (text: string) => BodyInit][] = [
    ["at once", (text) => text],
    ["in chunks of unknown total", chunked],
  ];

  test.each(forms)("is taken, %s", async (_how, form) => {
    const answer = await post(form(padded(MIB)));
    expect(answer.status, answer.text).toBe(202);
  });

  test.each(forms)("and a byte is too much, %s", async (_how, form) => {
    for (const size of [MIB + 1, 3 * MIB]) {
      expect(refusal(await post(form(padded(size))))).toEqual([413, "payload_too_large"]);
    }
  });

  test("and a byte is too much for the optional bodies as well", async () => {
    const { job } = await submit();
    for (const action of ["cancel", "replay"]) {
      const options: Call = { body: chunked(padded(MIB + 1)), headers: JSON_TYPE };
      expect(refusal(await call("POST", `/v1/jobs/${job.id}/${action}`, options))).toEqual([
        413,
        "payload_too_large",
      ]);
    }
  });

  test("counts bytes, not characters", async () => {
    const text = JSON.stringify({ type: "test.simulate", input: {}, metadata: { a: "é".repeat(MIB / 2) } });
    expect(refusal(await post(text))).toEqual([413, "payload_too_large"]);
  });
});
