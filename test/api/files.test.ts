import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRange } from "../../src/api/files/response.ts";
import { createApp } from "../../src/app.ts";
import { hex, sha256 } from "../../src/lib/hash.ts";
import { keyHash, makeKey } from "../../src/lib/key.ts";
import { randomBytes } from "../../src/lib/runtime.ts";

const MIB = 1024 * 1024;
const app = createApp(new Map());
const keys = { acme: "", globex: "", reader: "" };
let bindings: typeof env;

beforeAll(async () => {
  const list: unknown[] = [];
  const scopesOf = {
    acme: ["jobs:read", "jobs:write"],
    globex: ["jobs:read", "jobs:write"],
    reader: ["jobs:read"],
  };
  for (const name of ["acme", "globex", "reader"] as const) {
    keys[name] = makeKey(randomBytes(30));
    const tenant = name === "reader" ? "acme" : name;
    list.push({ hash: await keyHash(keys[name]), tenant, scopes: scopesOf[name] });
  }
  bindings = { ...env, API_KEYS: JSON.stringify(list) };
});

type Options = { as?: keyof typeof keys; headers?: Record<string, string>; body?: BodyInit | null };

async function ask(method: string, path: string, { as = "acme", headers = {}, body }: Options = {}) {
  const init = {
    method,
    headers: { Authorization: `Bearer ${keys[as]}`, ...headers },
    ...(body != null && { body }),
  };
  return app.request(`http://localhost${path}`, init, bindings);
}

type View = { id: string; size: number; content_type: string; sha256: string; created_at: string };

async function upload(body: BodyInit | null, headers: Record<string, string> = {}): Promise<View> {
  const answer = await ask("POST", "/v1/files", { body, headers });
  expect(answer.status).toBe(201);
  const { data } = await answer.json<{ data: View }>();
  expect(answer.headers.get("Location")).toBe(`/v1/files/${data.id}`);
  return data;
}

describe("an uploaded file", () => {
  test("is described with its size, type and digest, and comes back byte for byte", async () => {
    const bytes = new TextEncoder().encode("a,b\r\n1,é\0\n");
    const file = await upload(bytes, { "Content-Type": "text/csv; charset=utf-8" });
    expect(file).toEqual({
      id: expect.stringMatching(/^file_/),
      size: bytes.length,
      content_type: "text/csv; charset=utf-8",
      sha256: hex(await sha256(bytes)),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const answer = await ask("GET", `/v1/files/${file.id}`, { as: "reader" });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/csv; charset=utf-8",
      "content-length": String(bytes.length),
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      etag: `"${file.sha256}"`,
      "cache-control": "private, no-cache, no-transform",
    });
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
  });

  test("may be empty, and is of no particular type if none is given", async () => {
    const file = await upload(null);
    expect(file).toMatchObject({ size: 0, content_type: "application/octet-stream" });
    const answer = await ask("GET", `/v1/files/${file.id}`);
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  test("answers HEAD with the same headers and no body", async () => {
    const file = await upload("0123456789");
    const [get, head] = [await ask("GET", `/v1/files/${file.id}`), await ask("HEAD", `/v1/files/${file.id}`)];
    const comparable = (answer: Response) => {
      const { "request-id": _, ...headers } = Object.fromEntries(answer.headers);
      return headers;
    };
    expect(comparable(head)).toEqual(comparable(get));
    expect([head.status, await head.text(), await get.text()]).toEqual([200, "", "0123456789"]);
  });

  test("is sent in part on request", async () => {
    const file = await upload("0123456789");
    const part = async (range: string, more: Record<string, string> = {}) => {
      const answer = await ask("GET", `/v1/files/${file.id}`, { headers: { Range: range, ...more } });
      return [
        answer.status,
        answer.headers.get("Content-Range"),
        answer.headers.get("Content-Length"),
        await answer.text(),
      ];
    };
    const whole = [200, null, "10", "0123456789"];
    expect(await part("bytes=2-4")).toEqual([206, "bytes 2-4/10", "3", "234"]);
    expect(await part("bytes=7-")).toEqual([206, "bytes 7-9/10", "3", "789"]);
    expect(await part("bytes=-4")).toEqual([206, "bytes 6-9/10", "4", "6789"]);
    expect(await part("bytes=0-99", { "If-Range": `"${file.sha256}"` })).toEqual([
      206,
      "bytes 0-9/10",
      "10",
      "0123456789",
    ]);
    expect(await part("bytes=2-4", { "If-Range": '"other"' })).toEqual(whole);
    expect(await part("bytes=2-4", { "If-Range": `W/"${file.sha256}"` })).toEqual(whole);
    expect(await part("bytes=2-4,6-7")).toEqual(whole);
    expect(await part("lines=2-4")).toEqual(whole);
    const beyond = await ask("GET", `/v1/files/${file.id}`, { headers: { Range: "bytes=10-" } });
    expect([beyond.status, beyond.headers.get("Content-Range")]).toEqual([416, "bytes */10"]);
    expect(beyond.headers.get("Cache-Control")).toBe("no-store");
    expect(await beyond.json()).toMatchObject({ code: "range_not_satisfiable" });
  });

  test("is not sent again to who has it", async () => {
    const file = await upload("0123456789");
    for (const tags of [`"${file.sha256}"`, `W/"x", W/"${file.sha256}"`, "*"]) {
      const answer = await ask("GET", `/v1/files/${file.id}`, { headers: { "If-None-Match": tags } });
      expect([answer.status, answer.headers.get("ETag")]).toEqual([304, `"${file.sha256}"`]);
    }
    const other = await ask("GET", `/v1/files/${file.id}`, { headers: { "If-None-Match": '"other"' } });
    expect(other.status).toBe(200);
  });

  test("is gone once deleted", async () => {
    const { id } = await upload("x");
    expect((await ask("DELETE", `/v1/files/${id}`)).status).toBe(204);
    for (const method of ["DELETE", "GET", "HEAD"])
      expect((await ask(method, `/v1/files/${id}`)).status).toBe(404);
  });

  test("does not exist for another tenant, nor does nonsense", async () => {
    const { id } = await upload("x");
    for (const method of ["GET", "HEAD", "DELETE"]) {
      expect((await ask(method, `/v1/files/${id}`, { as: "globex" })).status).toBe(404);
    }
    for (const nonsense of ["file_x", "job_01000000000000000000000000", "%00", "..%2f..%2facme"]) {
      expect((await ask("GET", `/v1/files/${nonsense}`)).status).toBe(404);
    }
    expect((await ask("GET", `/v1/files/${id}`)).status).toBe(200);
  });
});

describe("an upload", () => {
  test("needs the scope to write", async () => {
    const { id } = await upload("x");
    expect((await ask("POST", "/v1/files", { as: "reader", body: "x" })).status).toBe(403);
    expect((await ask("DELETE", `/v1/files/${id}`, { as: "reader" })).status).toBe(403);
  });

  test("said to be too large is refused unread", async () => {
    const body = new ReadableStream({
      pull: () => {
        throw new Error("was read");
      },
    });
    const answer = await ask("POST", "/v1/files", {
      body,
      headers: { "Content-Length": String(100 * MIB + 1) },
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: "payload_too_large" });
  });

  test("that turns out to be too large is refused, and nothing of it kept", async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += MIB;
        controller.enqueue(new Uint8Array(MIB));
      },
    });
    const before = await env.DATA.prepare("SELECT COUNT(*) AS n FROM files").first("n");
    const answer = await ask("POST", "/v1/files", { body });
    expect([answer.status, sent < 105 * MIB]).toEqual([413, true]);
    expect(await env.DATA.prepare("SELECT COUNT(*) AS n FROM files").first("n")).toBe(before);
  });

  test("needs a media type that is one", async () => {
    const answer = await ask("POST", "/v1/files", { body: "x", headers: { "Content-Type": "rubbish" } });
    expect(answer.status).toBe(400);
  });

  test("other methods are named", async () => {
    const answer = await ask("PUT", "/v1/files", { body: "x" });
    expect([answer.status, answer.headers.get("Allow")]).toEqual([405, "POST"]);
  });
});

test.each([
  ["bytes=0-0", 10, { offset: 0, length: 1 }],
  ["Bytes = 5 - ", 10, { offset: 5, length: 5 }],
  ["bytes=-20", 10, { offset: 0, length: 10 }],
  ["bytes=-0", 10, "unsatisfiable"],
  ["bytes=10-12", 10, "unsatisfiable"],
  ["bytes=0-", 0, "unsatisfiable"],
  ["bytes=5-4", 10, null],
  ["bytes=-", 10, null],
  ["bytes=0-1,3-4", 10, null],
  ["bytes=99999999999999999-", 10, null],
  [undefined, 10, null],
])("the range %s of %i bytes", (header, size, part) => {
  expect(parseRange(header, size)).toEqual(part);
});
