import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { DAY } from "../../src/core/time.ts";
import type { Env } from "../../src/env.ts";
import { upload as writeFile } from "../../src/files/upload.ts";
import { hex, sha256 } from "../../src/lib/hash.ts";
import { randomId } from "../../src/lib/id.ts";
import { fileKey, filesObject } from "../../src/rpc/files.ts";
import { chunked, env, newTenant, recordsOf } from "../support/stores.ts";

const MIB = 1024 * 1024;

function noise(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 8)) & 255);
}

function upload(
  to: ReturnType<typeof newTenant>,
  chunks: AsyncIterable<Uint8Array | string>,
  bytesMax = 50 * MIB,
) {
  return to.store.create({ tenant: to.tenant, jobId: null, contentType: "text/plain", chunks, bytesMax });
}

async function stored(tenant: string) {
  const rows = await recordsOf(tenant);
  const { objects } = await env.FILES.list({ prefix: `${tenant}/` });
  return { rows: rows.length, objects: objects.length };
}

async function bytesOf(to: ReturnType<typeof newTenant>, id: string, offset = 0, length?: number) {
  const opened = await to.store.open(to.tenant, id, length === undefined ? { offset } : { offset, length });
  return opened && new Uint8Array(await new Response(opened.body).arrayBuffer());
}

describe("a file that is stored", () => {
  test.each([0, 1, 70_000, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 11 * MIB])(
    "comes back as it was: %i bytes",
    async (size) => {
      const to = newTenant();
      const bytes = noise(size);
      const created = await upload(to, chunked(bytes, 333_333));
      if (!created.ok) throw new Error("refused");
      const { id } = created.file;
      expect(created.file).toMatchObject({
        size,
        contentType: "text/plain",
        sha256: hex(await sha256(bytes)),
      });
      expect(await to.store.find(to.tenant, id)).toEqual(created.file);
      expect(hex(await sha256((await bytesOf(to, id)) ?? new Uint8Array(1)))).toBe(created.file.sha256);
      expect(await stored(to.tenant)).toEqual({ rows: 1, objects: 1 });
    },
  );

  test("text → stored", async () => {
    const to = newTenant();
    async function* lines() {
      for (let line = 0; line < 1000; line += 1) yield `zeile ${line} äöü 🙂\n`;
    }
    const file = await to.files.create("text/csv", lines());
    const text = new TextDecoder().decode((await bytesOf(to, file.id)) ?? undefined);
    expect(text.split("\n")[999]).toBe("zeile 999 äöü 🙂");
    expect(file.size).toBe(new TextEncoder().encode(text).length);
  });

  test("range → read in part, nothing past the end", async () => {
    const to = newTenant();
    const created = await upload(to, chunked("0123456789"));
    const id = created.ok ? created.file.id : "";
    const part = async (offset: number, length?: number) =>
      new TextDecoder().decode((await bytesOf(to, id, offset, length)) ?? undefined);
    expect(await part(3)).toBe("3456789");
    expect(await part(3, 2)).toBe("34");
    expect(await part(8, 50)).toBe("89");
    expect(await part(10)).toBe("");
    expect(await part(99, 5)).toBe("");
  });

  test("other tenant → neither read nor deleted", async () => {
    const [one, other] = [newTenant(), newTenant()];
    const created = await upload(one, chunked("mine"));
    const id = created.ok ? created.file.id : "";
    expect(await other.store.find(other.tenant, id)).toBeNull();
    expect(await other.files.open(id)).toBeNull();
    expect(await other.store.delete(other.tenant, id)).toBe(false);
    expect(await one.files.open(id)).not.toBeNull();
  });

  test("deleted → record and bytes gone, second deletion finds none", async () => {
    const to = newTenant();
    const created = await upload(to, chunked("x"));
    const id = created.ok ? created.file.id : "";
    expect(await to.store.delete(to.tenant, id)).toBe(true);
    expect(await to.store.delete(to.tenant, id)).toBe(false);
    expect(await to.files.open(id)).toBeNull();
    expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
  });
});

describe("a file that could not be stored leaves nothing", () => {
  test.each([100, 6 * MIB, 12 * MIB])("because it is larger than %i bytes", async (bytesMax) => {
    const to = newTenant();
    let closed = false;
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(MIB / 2);
      } finally {
        closed = true;
      }
    }
    expect(await upload(to, endless(), bytesMax)).toEqual({ ok: false, reason: "too_large" });
    expect(closed).toBe(true);
    expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
  });

  test.each([100, 6 * MIB])("because its source failed after %i bytes", async (size) => {
    const to = newTenant();
    async function* failing() {
      yield* chunked(noise(size));
      throw new Error("the client went away");
    }
    await expect(upload(to, failing())).rejects.toThrow("the client went away");
    expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
  });

  test("attempt not current → no file", async () => {
    const to = newTenant();
    const wanted = {
      tenant: to.tenant,
      jobId: to.jobId,
      contentType: "a/b",
      chunks: chunked("x"),
      bytesMax: 10,
    };
    const confirm = () => Promise.reject(new Error("stale"));
    await expect(to.store.create({ ...wanted, confirm })).rejects.toThrow("stale");
    expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
  });

  test("job deleted meanwhile → no file", async () => {
    const to = newTenant();
    async function* removing() {
      yield "a";
      await filesObject(env, to.tenant).deleteOfJob(to.jobId);
      yield "b";
    }
    await expect(to.files.create("a/b", removing())).rejects.toThrow("removed while");
    expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
  });
});

test("file: pending → not readable", async () => {
  const to = newTenant();
  let seen: unknown = "nothing";
  async function* looking() {
    yield "a";
    const [id = ""] = await recordsOf(to.tenant);
    seen = await to.files.open(id);
  }
  await to.files.create("a/b", looking());
  expect(seen).toBeNull();
});

test("sweep: pending for a day after a crash → deleted with its bytes by the alarm", async () => {
  const to = newTenant();
  const records = filesObject(env, to.tenant);
  for (let nth = 0; nth < 12; nth += 1) {
    const file = {
      tenant: to.tenant,
      id: `file_${nth}`,
      jobId: null,
      contentType: "a/b",
      createdAt: Date.now(),
      purgeAt: null,
    };
    await records.begin(file);
    await env.FILES.put(fileKey(to.tenant, file.id), "x");
  }
  await upload(to, chunked("complete"));
  const stub = env.FILE_RECORDS.getByName(to.tenant);
  await runDurableObjectAlarm(stub);
  expect(await stored(to.tenant)).toEqual({ rows: 13, objects: 13 });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY + 1 });
  try {
    expect(await runDurableObjectAlarm(stub)).toBe(true);
  } finally {
    vi.useRealTimers();
  }
  expect(await stored(to.tenant)).toEqual({ rows: 1, objects: 1 });
});

test("delete: the bucket fails → unreadable at once, and the alarm deletes the bytes", async () => {
  const to = newTenant();
  const created = await upload(to, chunked("x"));
  const id = created.ok ? created.file.id : "";
  const working = env.FILES;
  const setBucket = (FILES: R2Bucket) =>
    runInDurableObject(env.FILE_RECORDS.getByName(to.tenant), (object) => {
      Object.assign(object as unknown as { env: Env }, { env: { ...env, FILES } });
    });
  await setBucket({ delete: () => Promise.reject(new Error("down")) } as unknown as R2Bucket);
  expect(await to.store.delete(to.tenant, id)).toBe(true);
  expect(await to.files.open(id)).toBeNull();
  expect(await stored(to.tenant)).toEqual({ rows: 1, objects: 1 });
  await setBucket(working);
  expect(await runDurableObjectAlarm(env.FILE_RECORDS.getByName(to.tenant))).toBe(true);
  expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
});

test("used bytes: files stored, given up, deleted and purged → the sum of those that are complete", async () => {
  const to = newTenant();
  const used = () =>
    filesObject(env, to.tenant)
      .usage()
      .then(({ stored_bytes }) => stored_bytes);
  const created = await upload(to, chunked("12345"));
  await to.files.create("a/b", chunked("1234567"));
  expect(await upload(to, chunked("1234567890"), 3)).toMatchObject({ ok: false });
  expect(await used()).toBe(12);
  await to.store.delete(to.tenant, created.ok ? created.file.id : "");
  expect(await used()).toBe(7);
  for (const _ of [1, 2]) await filesObject(env, to.tenant).deleteOfJob(to.jobId);
  expect(await used()).toBe(0);
});

test("purge: the job's file is still being written by a worker that dies → its bytes are deleted a day later", async () => {
  const to = newTenant();
  const records = filesObject(env, to.tenant);
  const file = {
    tenant: to.tenant,
    id: "file_late",
    jobId: to.jobId,
    contentType: "a/b",
    createdAt: Date.now(),
    purgeAt: null,
  };
  await records.begin(file);
  await records.deleteOfJob(to.jobId);
  await env.FILES.put(fileKey(to.tenant, file.id), "x");
  expect(await records.complete(file.id, 1, "00")).toBe(false);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY + 1 });
  try {
    await runDurableObjectAlarm(env.FILE_RECORDS.getByName(to.tenant));
  } finally {
    vi.useRealTimers();
  }
  expect(await stored(to.tenant)).toEqual({ rows: 0, objects: 0 });
});

describe("an upload whose length is known", () => {
  const known = (to: ReturnType<typeof newTenant>, content: Uint8Array, bytes: number) =>
    to.store.create({
      tenant: to.tenant,
      jobId: null,
      contentType: "text/plain",
      chunks: chunked(content, 65_536),
      bytes,
      bytesMax: 50 * MIB,
    });

  test.each([1, 5 * MIB, 11 * MIB + 1])("%i bytes → as they were, in one put", async (size) => {
    const to = newTenant();
    const bytes = noise(size);
    const created = await known(to, bytes, size);
    if (!created.ok) throw new Error("refused");
    expect(created.file).toMatchObject({ size, sha256: hex(await sha256(bytes)) });
    const object = await env.FILES.head(fileKey(to.tenant, created.file.id));
    expect([object?.size, object?.etag.includes("-")]).toEqual([size, false]);
  });

  test.each([99, 101])("100 bytes announced as %i → refused, and the put fails", async (announced) => {
    let stored: Promise<ArrayBuffer> | undefined;
    const bucket = {
      put(_key: string, body: ReadableStream) {
        stored = new Response(body).arrayBuffer();
        return stored;
      },
    } as unknown as R2Bucket;
    const source = { chunks: chunked(noise(100), 30), bytes: announced, bytesMax: MIB };
    await expect(writeFile(bucket, "key", source)).rejects.toThrow();
    await expect(stored).rejects.toThrow();
  });
});

test("purge: files of a job, any number of calls → those deleted, no others", async () => {
  const to = newTenant();
  for (let nth = 0; nth < 103; nth += 1) await to.files.create("a/b", chunked(`${nth}`));
  const own = await upload(to, chunked("an upload"));
  const other = await to.store.create({
    tenant: to.tenant,
    jobId: randomId("job"),
    contentType: "a/b",
    chunks: chunked("another job's"),
    bytesMax: 100,
  });
  for (const _ of [1, 2]) await filesObject(env, to.tenant).deleteOfJob(to.jobId);
  expect(await stored(to.tenant)).toEqual({ rows: 2, objects: 2 });
  for (const kept of [own, other]) expect(kept.ok && (await to.files.open(kept.file.id))).toBeTruthy();
});
