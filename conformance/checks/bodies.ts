/** Contract 1: what is taken as a request body, and how everything else is refused. */

import { claim, equal } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { type Answer, problemOf, type Request } from "../client.ts";
import type { Deployment } from "../deployment.ts";

const MIB = 1024 * 1024;
const JSON_TYPE = { "Content-Type": "application/json" };

/** Quickly: what an attack sends must not keep the service busy. */
const QUICK_MS = 5_000;

const post = ({ mine }: Deployment, request: Request): Promise<Answer> =>
  mine.call("POST", "/v1/jobs", request);

async function mediaTypes(deployment: Deployment): Promise<void> {
  const body = new TextEncoder().encode('{"type":"test.simulate","input":{}}');
  const refused = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonx",
    "text/json",
    "multipart/form-data",
  ];
  for (const type of refused) {
    problemOf(
      await post(deployment, { body, headers: { "Content-Type": type } }),
      415,
      "unsupported_media_type",
    );
  }
  problemOf(await post(deployment, { body }), 415, "unsupported_media_type");
  for (const type of [
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/json;x=y",
  ]) {
    equal(
      (await post(deployment, { body, headers: { "Content-Type": type } })).status,
      202,
      `the status for ${type}`,
    );
  }
}

const simulated = (result: string) => `{"type":"test.simulate","input":{"duration_ms":0,"result":${result}}}`;

/** Numbers that a double cannot hold are refused where they stand; those that it can hold come back as they were. */
async function numbers(deployment: Deployment): Promise<void> {
  for (const number of [
    "9007199254740992",
    "1234567890123456789",
    "12345678901234567.89",
    "1e999",
    "1e-999",
  ]) {
    const answer = await post(deployment, { body: simulated(`{"a":[${number}]}`), headers: JSON_TYPE });
    const { errors } = problemOf(answer, 400, "malformed_request");
    equal(
      errors?.map(({ pointer }) => pointer),
      ["#/input/result/a/0"],
      `the pointer to ${number}`,
    );
  }
  for (const number of ["9007199254740991", "-0.5", "1.0", "6.02e23"]) {
    const answer = await post(deployment, { body: simulated(number), headers: JSON_TYPE });
    equal(answer.status, 202, `the status for ${number}`);
  }
}

async function keysTwice(deployment: Deployment): Promise<void> {
  const bodies = ['{"type":"test.simulate","input":{},"type":"test.simulate"}', simulated('{"a":1,"a":1}')];
  for (const body of bodies)
    problemOf(await post(deployment, { body, headers: JSON_TYPE }), 400, "malformed_request");
}

async function codings(deployment: Deployment): Promise<void> {
  const { mine } = deployment;
  const headers = { ...JSON_TYPE, "Content-Encoding": "gzip" };
  for (const path of ["/v1/jobs", "/v1/files", "/v1/bulk"]) {
    const answer = await mine.call("POST", path, { body: "{}", headers });
    problemOf(answer, 415, "unsupported_media_type");
    equal(answer.headers.get("Accept-Encoding"), "identity", "Accept-Encoding");
  }
  const plain = { ...JSON_TYPE, "Content-Encoding": "identity" };
  equal((await post(deployment, { body: simulated("1"), headers: plain })).status, 202, "identity");
}

/** A request of exactly so many bytes that is unacceptable only for its size, if at all. */
function requestOf(bytes: number): Uint8Array {
  const text = '{"type":"test.simulate","input":{"duration_ms":-1}}';
  return new TextEncoder().encode(text.padEnd(bytes, " "));
}

async function tooLarge(deployment: Deployment): Promise<void> {
  problemOf(
    await post(deployment, { body: requestOf(MIB + 1), headers: JSON_TYPE }),
    413,
    "payload_too_large",
  );
  problemOf(await post(deployment, { body: requestOf(MIB), headers: JSON_TYPE }), 422, "invalid_request");
}

async function tooLargeInChunks(deployment: Deployment): Promise<void> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let sent = 0; sent <= MIB; sent += MIB / 16) controller.enqueue(requestOf(MIB / 16));
      controller.close();
    },
  });
  problemOf(await post(deployment, { body, headers: JSON_TYPE }), 413, "payload_too_large");
}

async function malformed(deployment: Deployment): Promise<void> {
  const text = new TextEncoder();
  const bodies: Record<string, Uint8Array> = {
    "an empty body": new Uint8Array(),
    "half an object": text.encode('{"type":'),
    "a comment": text.encode('{"type":"test.simulate"/**/}'),
    "two objects": text.encode("{}{}"),
    "single quotes": text.encode("{'type':'test.simulate'}"),
    "invalid UTF-8": new Uint8Array([...text.encode('{"type":"'), 0xff, 0xfe, ...text.encode('"}')]),
    "a NaN": text.encode('{"type":"test.simulate","input":NaN}'),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const answer = await post(deployment, { body, headers: JSON_TYPE });
    claim(answer.status === 400, `${name} is ${answer.status} instead of 400`);
    problemOf(answer, 400, "malformed_request");
  }
}

async function notAnObject(deployment: Deployment): Promise<void> {
  for (const json of [null, [], "text", 1, true, {}, { type: 1 }]) {
    problemOf(await post(deployment, { json }), 422, "invalid_request");
  }
}

async function unknownFields({ mine }: Deployment): Promise<void> {
  const json = { type: "test.simulate", input: { durationMs: 1 }, inputs: {} };
  const { errors = [] } = problemOf(await mine.call("POST", "/v1/jobs", { json }), 422, "invalid_request");
  const pointers = errors.map(({ pointer }) => pointer).toSorted();
  equal(pointers, ["#/input/durationMs", "#/inputs"], "where the unknown fields are told");
}

async function monsters(deployment: Deployment): Promise<void> {
  const wrap = (inner: string) => `{"type":"test.simulate","input":${inner}}`;
  const bodies: Record<string, string> = {
    "100,000 nested lists": wrap("[".repeat(100_000) + "]".repeat(100_000)),
    "50,000 nested objects": wrap(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`),
    "a list of 200,000 numbers": wrap(`[${"1,".repeat(199_999)}1]`),
    "a key __proto__": wrap('{"__proto__":{"duration_ms":1}}'),
    "a constructor's prototype": wrap('{"constructor":{"prototype":{"duration_ms":1}}}'),
    "a number beyond all bounds": wrap('{"duration_ms":1e999}'),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const startedAt = Date.now();
    const { status } = await post(deployment, { body, headers: JSON_TYPE });
    claim(status >= 400 && status < 500, `${name} is answered ${status}`);
    claim(Date.now() - startedAt < QUICK_MS, `${name} took ${Date.now() - startedAt} ms`);
  }
}

export const bodyChecks: readonly Check[] = [
  check("contract 1", "a number that would lose its value is 400 with its pointer", numbers),
  check("contract 1", "an object with a key twice is 400", keysTwice),
  check("RFC 9110 15.5.16", "a Content-Encoding is 415 with Accept-Encoding: identity", codings),
  check(
    "RFC 9110 15.5.16",
    "only application/json, in any case and with any parameters; otherwise 415",
    mediaTypes,
  ),
  check("RFC 9110 15.5.14", "a body of 1 MiB is read, one byte more is 413", tooLarge),
  check("RFC 9110 15.5.14", "a chunked body of more than 1 MiB is 413", tooLargeInChunks),
  check("contract 1", "malformed JSON, invalid UTF-8 and an empty body are 400", malformed),
  check("contract 1", "a well-formed body that is not acceptable is 422", notAnObject),
  check("contract 1", "an unknown field is refused by name", unknownFields),
  check("contract 1", "deep nesting, huge lists and __proto__ get a 4xx quickly", monsters),
];
