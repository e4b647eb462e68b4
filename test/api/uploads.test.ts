/** Uploads in parts over HTTP. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { PART_SIZE } from "../../src/files/parts.ts";
import { filesObject } from "../../src/rpc/files.ts";
import { type Call, call, refusal } from "../support/http.ts";
import { callAttempt, startRemote } from "../support/remote.ts";

afterEach(() => {
  vi.useRealTimers();
});

type UploadJson = {
  id: string;
  size: number | null;
  part_size: number;
  parts: { number: number; size: number }[];
};
type Ask = (method: string, path: string, options?: Call) => ReturnType<typeof call>;

async function begin(fields: object = {}, ask: Ask = call): Promise<{ path: string; upload: UploadJson }> {
  const begun = await ask("POST", "/v1/uploads", { json: { content_type: "video/mp4", ...fields } });
  expect(begun.status, begun.text).toBe(201);
  return { path: begun.headers.get("Location") ?? "", upload: begun.body.data as UploadJson };
}

const sendPart = (path: string, number: number, text: string, ask: Ask = call) =>
  ask("PUT", `${path}/parts/${number}`, { body: text, headers: { "Content-Length": String(text.length) } });

const complete = (path: string, part_count: number, ask: Ask = call) =>
  ask("POST", `${path}/complete`, { json: { part_count } });

test("a part, then complete: the file has its bytes and no digest; completed again → the same file", async () => {
  const { path, upload } = await begin({ size: 5 });
  expect(upload).toMatchObject({ size: 5, part_size: PART_SIZE, parts: [] });
  const sent = await sendPart(path, 1, "hello");
  expect(sent.body.data).toMatchObject({ number: 1, size: 5 });
  const made = await complete(path, 1);
  expect(made.status, made.text).toBe(201);
  expect(made.body.data).toMatchObject({ size: 5, content_type: "video/mp4", sha256: null, job_id: null });
  const again = await complete(path, 1);
  expect([again.status, again.body.data]).toEqual([200, made.body.data]);
  const read = await call("GET", made.headers.get("Location") ?? "");
  expect(read.text).toBe("hello");
  const same = await call("GET", made.headers.get("Location") ?? "", {
    headers: { "If-None-Match": read.headers.get("ETag") ?? "" },
  });
  expect(same.status).toBe(304);
});

test("a part sent again: the last one counts, and GET says what is stored", async () => {
  const { path } = await begin();
  await sendPart(path, 1, "first");
  await sendPart(path, 1, "second");
  expect((await call("GET", path)).body.data).toMatchObject({ parts: [{ number: 1, size: 6 }] });
  const made = await complete(path, 1);
  expect((await call("GET", made.headers.get("Location") ?? "")).text).toBe("second");
});

test("parts missing, too short, or of another size than declared: the problem says which", async () => {
  const { path } = await begin({ size: 9 });
  await sendPart(path, 2, "b");
  const missing = await complete(path, 3);
  expect(refusal(missing)).toEqual([409, "upload_incomplete"]);
  expect(missing.problem.missing_parts).toEqual([1, 3]);
  await sendPart(path, 1, "a");
  expect(refusal(await complete(path, 2))).toEqual([422, "invalid_request"]);
  expect(refusal(await complete(path, 1))).toEqual([422, "invalid_request"]);
});

test.each([
  ["0", {}, 400],
  ["1601", {}, 400],
  ["x", {}, 400],
  ["1", { "Content-Encoding": "gzip" }, 415],
] as const)("part %s with %o → %i", async (number, headers, status) => {
  const { path } = await begin();
  const answer = await call("PUT", `${path}/parts/${number}`, {
    body: "a",
    headers: { "Content-Length": "1", ...headers },
  });
  expect(answer.status).toBe(status);
});

test("another tenant's upload, and one that there never was: 404", async () => {
  const { path } = await begin();
  for (const [where, as] of [
    [path, "acme"],
    ["/v1/uploads/upload_none", "parked"],
  ] as const)
    expect(refusal(await call("GET", where, { as }))).toEqual([404, "not_found"]);
});

test("deleted: its parts are gone; open ones are listed", async () => {
  const { path, upload } = await begin();
  await sendPart(path, 1, "abc");
  const ids = async () => ((await call("GET", "/v1/uploads")).body.data as UploadJson[]).map(({ id }) => id);
  expect(await ids()).toContain(upload.id);
  expect((await call("DELETE", path)).status).toBe(204);
  expect(await ids()).not.toContain(upload.id);
  expect(refusal(await sendPart(path, 1, "abc"))).toEqual([404, "not_found"]);
  expect(refusal(await complete(path, 1))).toEqual([404, "not_found"]);
});

test("a day without completion: the upload is gone, and its bytes no longer count", async () => {
  const { path } = await begin();
  const used = async () => (await filesObject(env, "parked").usage()).stored_bytes;
  const before = await used();
  await sendPart(path, 1, "abc");
  expect(await used()).toBe(before + 3);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 25 * 3_600_000 });
  await runDurableObjectAlarm(env.FILE_RECORDS.getByName("parked"));
  expect(await used()).toBeLessThan(before + 3);
  vi.useRealTimers();
  expect((await call("GET", path)).status).toBe(404);
});

test("an upload token: one upload of its types and size, and no other", async () => {
  const json = { max_size: 4, content_types: ["video/mp4"] };
  const { token } = (await call("POST", "/v1/upload-tokens", { json })).body.data as { token: string };
  const ask: Ask = (method, path, options = {}) => callAttempt(token, method, path, options);
  const wrong = await ask("POST", "/v1/uploads", { json: { content_type: "text/csv" } });
  expect(refusal(wrong)).toEqual([403, "forbidden"]);
  const other = await begin();
  const { path } = await begin({}, ask);
  expect(refusal(await ask("GET", other.path))).toEqual([404, "not_found"]);
  expect(refusal(await sendPart(path, 1, "12345", ask))).toEqual([413, "payload_too_large"]);
  expect((await sendPart(path, 1, "1234", ask)).status).toBe(200);
  expect((await complete(path, 1, ask)).status).toBe(201);
  const again = await ask("POST", "/v1/uploads", { json: { content_type: "video/mp4" } });
  expect(refusal(again)).toEqual([401, "token_expired"]);
});

test("an attempt's upload: its file belongs to the job; of a run that is over, 409", async () => {
  const { job, run, token } = await startRemote();
  const ask: Ask = (method, path, options = {}) => callAttempt(token, method, path, options);
  const { path } = await begin({}, ask);
  const left = await begin({}, ask);
  await sendPart(path, 1, "video", ask);
  const made = await complete(path, 1, ask);
  expect(made.body.data).toMatchObject({ job_id: job.id, purge_at: null });
  await callAttempt(token, "POST", run.links.succeed);
  expect(refusal(await sendPart(left.path, 1, "late", ask))).toEqual([409, "attempt_over"]);
  await call("DELETE", `/v1/jobs/${job.id}`);
  expect((await call("GET", made.headers.get("Location") ?? "")).status).toBe(404);
  expect((await call("GET", left.path)).status).toBe(404);
});
