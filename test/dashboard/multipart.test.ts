/** Forms with files, read as they arrive: whatever the chunks, and without holding a file. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMultipart } from "../../src/dashboard/form/multipart.ts";
import { UnreadableForm } from "../../src/dashboard/form/simple.ts";

type Read = { texts: [string, string][]; files: [string, string, string, Uint8Array<ArrayBuffer>][] };

async function read(request: Request): Promise<Read> {
  const found: Read = { texts: [], files: [] };
  await readMultipart(
    request,
    (name, text) => found.texts.push([name, text]),
    async ({ name, filename, contentType, body }) => {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of body) chunks.push(new Uint8Array(chunk));
      found.files.push([name, filename, contentType, new Uint8Array(await new Blob(chunks).arrayBuffer())]);
    },
  );
  return found;
}

/** The request in chunks of these sizes, over and over. */
function inChunks(type: string, bytes: Uint8Array, sizes: number[]): Request {
  let at = 0;
  let turn = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = sizes[turn++ % sizes.length] ?? 1;
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
  return new Request("https://accepted.test/", { method: "POST", body, headers: { "Content-Type": type } });
}

async function encoded(form: FormData): Promise<{ type: string; bytes: Uint8Array }> {
  const response = new Response(form);
  return {
    type: response.headers.get("Content-Type") ?? "",
    bytes: new Uint8Array(await response.arrayBuffer()),
  };
}

describe("a form", () => {
  test("is read as the platform wrote it, whatever the chunks and whatever the file holds", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom("\r\n--", "\r\n\r\n", "--", "\r\n").map((text) => new TextEncoder().encode(text)),
    );
    const field = fc.tuple(fc.stringMatching(/^[a-z/]{1,10}$/), fc.stringMatching(/^[a-zäß€ ]{0,20}$/));
    await fc.assert(
      fc.asyncProperty(
        fc.array(field, { maxLength: 5 }),
        bytes,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 }),
        async (fields, content, sizes) => {
          const form = new FormData();
          for (const [name, text] of fields) form.append(name, text);
          form.append(
            "/input/file#file",
            new File([new Uint8Array(content)], "a b.csv", { type: "text/csv" }),
          );
          form.append("do", "submit");
          const { type, bytes } = await encoded(form);
          const found = await read(inChunks(type, bytes, sizes));
          expect(found.texts).toEqual([...fields, ["do", "submit"]]);
          expect(found.files).toEqual([["/input/file#file", "a b.csv", "text/csv", new Uint8Array(content)]]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("without a chosen file has none", async () => {
    const body = [
      '--B\r\nContent-Disposition: form-data; name="f#file"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n',
      '--B\r\nContent-Disposition: form-data; name="do"\r\n\r\nsubmit\r\n--B--\r\n',
    ].join("");
    const found = await read(
      inChunks("multipart/form-data; boundary=B", new TextEncoder().encode(body), [7]),
    );
    expect(found).toEqual({ texts: [["do", "submit"]], files: [] });
  });

  const part = '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n';
  test.each([
    ["cut in a text", `${part}hel`],
    ["cut after a boundary", `${part}hello\r\n--B`],
    ["without a boundary", "hello"],
    ["empty", ""],
    ["with a part that has no name", "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--"],
    ["with an endless header", `--B\r\nX: ${"y".repeat(20_000)}\r\n\r\nx\r\n--B--`],
    ["with too long a text", `${part}${"y".repeat(1_100_000)}\r\n--B--`],
    ["with too many long texts", `${`${part}${"y".repeat(300_000)}\r\n`.repeat(4)}--B--`],
  ])("%s is refused", async (_what, text) => {
    const request = inChunks("multipart/form-data; boundary=B", new TextEncoder().encode(text), [4096]);
    await expect(read(request)).rejects.toThrow(UnreadableForm);
  });

  test.each(["application/x-www-form-urlencoded", "multipart/form-data", "application/json"])(
    "of type %s is refused",
    async (type) => {
      await expect(read(inChunks(type, new Uint8Array(1), [1]))).rejects.toThrow(UnreadableForm);
    },
  );
});

test("a large file passes through without being held", async () => {
  const chunk = new Uint8Array(64 * 1024).fill(120);
  const chunks = 400;
  let sent = 0;
  let taken = 0;
  let furthest = 0;
  const head = '--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n';
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (sent === 0) controller.enqueue(new TextEncoder().encode(head));
        if (sent < chunks) controller.enqueue(chunk);
        else {
          controller.enqueue(new TextEncoder().encode("\r\n--B--"));
          controller.close();
        }
        sent += 1;
        furthest = Math.max(furthest, sent * chunk.length - taken);
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "Content-Type": "multipart/form-data; boundary=B" };
  const request = new Request("https://accepted.test/", { method: "POST", body, headers });
  await readMultipart(request, expect.fail, async (file) => {
    for await (const piece of file.body) taken += piece.length;
  });
  expect(taken).toBe(chunks * chunk.length);
  expect(furthest).toBeLessThan(4 * chunk.length);
});
