/** Contract 9: files. */

import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { request as requestSecurely } from "node:https";
import { Readable } from "node:stream";
import { claim, equal, matches } from "../assertions.ts";
import { type Check, check } from "../check.ts";
import { type Client, dataOf, problemOf } from "../client.ts";
import type { Deployment } from "../deployment.ts";
import { type StoredFile, TIME } from "../shapes.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const SILENCE_MS = 10_000;

async function roundTrip({ mine, reader }: Deployment): Promise<void> {
  const content = randomBytes(300_000);
  const answer = await mine.call("POST", "/v1/files", {
    body: content,
    headers: { "Content-Type": "application/x-noise" },
  });
  const file = dataOf<StoredFile>(answer, 201);
  const sha256 = createHash("sha256").update(content).digest("hex");
  equal(
    [file.size, file.content_type, file.sha256],
    [content.length, "application/x-noise", sha256],
    "the file",
  );
  matches(file.id, /^file_\w+$/, "the id");
  matches(file.created_at, TIME, "created_at");
  equal(answer.headers.get("Location"), `/v1/files/${file.id}`, "Location");
  const got = await reader.call("GET", `/v1/files/${file.id}`);
  claim(content.equals(got.bytes), "the bytes are not those that were sent");
  equal(got.headers.get("Content-Type"), "application/x-noise", "the type");
}

async function ranges({ mine }: Deployment): Promise<void> {
  const { id } = await mine.upload("0123456789", "text/plain");
  const get = (Range: string) => mine.call("GET", `/v1/files/${id}`, { headers: { Range } });
  const wanted: [string, string, string][] = [
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-2", "89", "bytes 8-9/10"],
    ["bytes=5-99", "56789", "bytes 5-9/10"],
  ];
  for (const [range, text, told] of wanted) {
    const answer = await get(range);
    equal(
      [answer.status, answer.text, answer.headers.get("Content-Range")],
      [206, text, told],
      `the answer to ${range}`,
    );
  }
  const beyond = await get("bytes=10-");
  problemOf(beyond, 416, "range_not_satisfiable");
  equal(beyond.headers.get("Content-Range"), "bytes */10", "Content-Range of the 416");
  equal((await get("lines=1-2")).status, 200, "the status for an unknown unit");
}

async function conditional({ mine }: Deployment): Promise<void> {
  const { id } = await mine.upload("unchanged", "text/plain");
  const tag = String((await mine.call("GET", `/v1/files/${id}`)).headers.get("ETag"));
  const answer = await mine.call("GET", `/v1/files/${id}`, { headers: { "If-None-Match": tag } });
  equal(
    [answer.status, answer.text, answer.headers.get("ETag")],
    [304, "", tag],
    "the answer to If-None-Match",
  );
}

async function removed({ mine }: Deployment): Promise<void> {
  const { id } = await mine.upload("soon gone", "text/plain");
  equal((await mine.call("DELETE", `/v1/files/${id}`)).status, 204, "the deletion");
  for (const method of ["GET", "DELETE"])
    problemOf(await mine.call(method, `/v1/files/${id}`), 404, "not_found");
}

async function neverAPage({ mine }: Deployment): Promise<void> {
  const { id } = await mine.upload("<script>alert(1)</script>", "text/html");
  const { headers } = await mine.call("GET", `/v1/files/${id}`);
  equal(headers.get("X-Content-Type-Options"), "nosniff", "X-Content-Type-Options");
  matches(headers.get("Content-Disposition"), /^attachment\b/, "Content-Disposition");
}

/** The status of an upload of so many bytes, sent as fast as they are taken, and no further once it is answered. */
function uploadOf({ url, key }: Client, bytes: number): Promise<number | undefined> {
  const start = url.startsWith("https:") ? requestSecurely : request;
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "text/plain", "Content-Length": bytes };
  return new Promise((resolve, reject) => {
    const sending = start(`${url}/v1/files`, { method: "POST", headers }, ({ statusCode }) => {
      resolve(statusCode);
      sending.destroy();
    });
    sending.on("error", reject);
    sending.setTimeout(SILENCE_MS, () =>
      sending.destroy(new Error("the upload is neither taken nor answered")),
    );
    Readable.from(zeros(bytes)).pipe(sending);
  });
}

function* zeros(bytes: number): Generator<Uint8Array> {
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES)
    yield new Uint8Array(Math.min(CHUNK_BYTES, bytes - sent));
}

async function tooLarge({ mine }: Deployment): Promise<void> {
  equal(await uploadOf(mine, 100 * MIB + 1), 413, "the status of an upload of 100 MiB and one byte");
}

async function forms({ mine }: Deployment): Promise<void> {
  for (const type of ["multipart/form-data; boundary=x", "text/csv; charset=utf-9"]) {
    const answer = await mine.call("POST", "/v1/files", { body: "a,b", headers: { "Content-Type": type } });
    problemOf(answer, 415, "unsupported_media_type");
  }
}

export const fileChecks: readonly Check[] = [
  check("contract 9", "a file comes back byte for byte, with its type, size and SHA-256", roundTrip),
  check("RFC 9110 14.2", "ranges of a file: 206, or 416 beyond its end", ranges),
  check("RFC 9110 13.1.2", "If-None-Match of a file: 304", conditional),
  check("contract 9", "a deleted file is gone", removed),
  check("contract 9", "an uploaded page is never run as one of this origin", neverAPage),
  check("contract 9", "a form, or a charset that does not exist, is 415", forms),
  check("contract 9", "a file above 100 MiB is 413", tooLarge),
];
