/** The list of files, and how long an upload is kept. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { FileStore, jobFiles } from "../../src/files/store.ts";
import { type Answer, call, refusal } from "../support/http.ts";

const HOUR = 3_600_000;
const JOB = `job_${"2".repeat(47)}`;

type FileJson = { id: string; job_id: string | null; created_at: string; purge_at: string | null };

afterEach(() => vi.useRealTimers());

async function upload(query = ""): Promise<FileJson> {
  const answer = await call("POST", `/v1/files${query}`, { body: "text" });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data as FileJson;
}

/** A moment later, so that no two files are of one time. */
const tick = () => new Promise((resolve) => setTimeout(resolve, 2));

const pageOf = ({ body }: Answer) => body as unknown as { data: FileJson[]; next_cursor: string | null };

test("uploaded and produced → listed newest first, in pages, each once", async () => {
  const ids: string[] = [];
  for (let count = 0; count < 5; count += 1) {
    ids.unshift((await upload()).id);
    await tick();
  }
  const seen: string[] = [];
  for (let path = "/v1/files?limit=2"; path !== ""; ) {
    const answer = await call("GET", path);
    seen.push(...pageOf(answer).data.map(({ id }) => id));
    path = /<(.*)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? "";
  }
  expect(seen).toEqual(ids);
});

test("of a job, of a time → only these", async () => {
  const before = await upload();
  await tick();
  const files = jobFiles(new FileStore(env), "parked", JOB);
  async function* bytes() {
    yield new TextEncoder().encode("made");
  }
  const { id } = await files.create("text/plain", bytes());
  await tick();
  const after = await upload();
  const list = async (query: string) => pageOf(await call("GET", `/v1/files?${query}`)).data;
  expect(await list(`job_id=${JOB}`)).toMatchObject([{ id, job_id: JOB, purge_at: null }]);
  const between = `created_after=${before.created_at}&created_before=${after.created_at}`;
  expect((await list(between)).map((file) => file.id)).toEqual([id, before.id]);
});

test("a cursor of another filter or tenant → 400", async () => {
  for (const _ of [1, 2]) await upload();
  const { next_cursor } = pageOf(await call("GET", "/v1/files?limit=1"));
  for (const [query, as] of [
    [`cursor=${next_cursor}&job_id=${JOB}`, "parked"],
    [`cursor=${next_cursor}`, "globex"],
    ["cursor=none", "parked"],
  ] as const)
    expect(refusal(await call("GET", `/v1/files?${query}`, { as }))).toEqual([400, "invalid_cursor"]);
});

test("retention_ms → purge_at; after it the file is gone for readers, and soon its bytes", async () => {
  const kept = await upload();
  expect(Date.parse(kept.purge_at ?? "") - Date.parse(kept.created_at)).toBe(30 * 24 * HOUR);
  const file = await upload(`?retention_ms=${HOUR}`);
  expect(Date.parse(file.purge_at ?? "") - Date.parse(file.created_at)).toBe(HOUR);
  const bytes = () => env.FILES.head(`parked/${file.id}`);
  expect(await bytes()).not.toBeNull();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOUR });
  expect((await call("GET", `/v1/files/${file.id}`)).status).toBe(404);
  const { data } = pageOf(await call("GET", "/v1/files"));
  expect(data.map(({ id }) => id)).not.toContain(file.id);
  await runDurableObjectAlarm(env.FILE_RECORDS.getByName("parked"));
  expect(await bytes()).toBeNull();
  expect((await call("GET", `/v1/files/${kept.id}`)).status).toBe(200);
});

test.each(["0", "3599999", "34560000001", "-1", "1e9", "x"])("retention_ms=%s → 400", async (text) => {
  const answer = await call("POST", `/v1/files?retention_ms=${text}`, { body: "text" });
  expect(refusal(answer)).toEqual([400, "malformed_request"]);
});
