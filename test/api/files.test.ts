import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { parseRange } from "../../src/api/files/response.ts";
import { createApp } from "../../src/app.ts";
import { keyOf } from "../support/keys.ts";
import { captureLog } from "../support/log.ts";
import { recordsOf } from "../support/stores.ts";

const MIB = 1024 * 1024;
const app = createApp(new Map());
const callers = { acme: "acme", globex: "globex", reader: "acmeReader" } as const;

type Options = { as?: keyof typeof callers; headers?: Record<string, string>; body?: BodyInit | null };

async function ask(method: string, path: string, { as = "acme", headers = {}, body }: Options = {}) {
  const init = {
    method,
    headers: { Authorization: `Bearer ${await keyOf(callers[as])}`, ...headers },
    ...(body != null && { body }),
  };
  return app.request(`http://localhost${path}`, init, env);
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
    const before = await recordsOf("acme");
    const answer = await ask("POST", "/v1/files", { body });
    expect([answer.status, sent < 105 * MIB]).toEqual([413, true]);
    expect(await recordsOf("acme")).toEqual(before);
  });

  test("needs a media type that is one", async () => {
    const answer = await ask("POST", "/v1/files", { body: "x", headers: { "Content-Type": "rubbish" } });
    expect(answer.status).toBe(400);
  });

  test("that its client breaks off is no fault of the service: the line is info", async () => {
    const records = captureLog();
    const client = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        client.abort();
        controller.error(new Error("Network connection lost."));
      },
    });
    const headers = { Authorization: `Bearer ${await keyOf("acme")}` };
    const request = new Request("http://localhost/v1/files", {
      method: "POST",
      headers,
      body,
      signal: client.signal,
    });
    await app.fetch(request, env);
    vi.restoreAllMocks();
    expect(records).toMatchObject([{ level: "info", event: "client_gone" }]);
  });

  test("beyond the six of its key gets 503 until one has ended", async () => {
    const held = Array.from({ length: 6 }, () => new TransformStream<Uint8Array, Uint8Array>());
    const uploads = held.map(({ readable }) => ask("POST", "/v1/files", { body: readable }));
    const seventh = await ask("POST", "/v1/files", { body: "x" });
    expect([seventh.status, seventh.headers.has("Retry-After")]).toEqual([503, true]);
    expect((await ask("POST", "/v1/files", { as: "globex", body: "x" })).status).toBe(201);
    for (const { writable } of held) await writable.close();
    expect((await Promise.all(uploads)).map(({ status }) => status)).toEqual(held.map(() => 201));
    expect((await ask("POST", "/v1/files", { body: "x" })).status).toBe(201);
  });

  test("other methods are named", async () => {
    const answer = await ask("PUT", "/v1/files", { body: "x" });
    expect([answer.status, answer.headers.get("Allow")]).toEqual([405, "GET, HEAD, POST"]);
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
