/**
 * Reads a submitted form (RFC 7578) as a stream: a file passes through while it arrives, and only the texts are held.
 * The platform's own `formData()` would hold the file, which may be as large as all the memory there is.
 */

import { Buffer } from "node:buffer";
import { held, UnreadableForm } from "./simple.ts";

/** All texts of a form together; no form of the dashboard comes near. */
const TEXT_BYTES_MAX = 1024 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;

export type FilePart = {
  name: string;
  filename: string;
  contentType: string;
  body: AsyncIterable<Uint8Array>;
};

/**
 * Calls back for each text and each chosen file, in the order of the form. `onFile` must read the file to its end or
 * throw. Throws UnreadableForm.
 */
export async function readMultipart(
  request: Request,
  onText: (name: string, text: string) => void,
  onFile: (part: FilePart) => Promise<void>,
): Promise<void> {
  const boundary = boundaryOf(request.headers.get("Content-Type") ?? "");
  const source = openSource(request.body ?? new ReadableStream());
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let textBytes = await held(source.until(delimiter), TEXT_BYTES_MAX).then(({ length }) => length);
  while (!(await isLast(source))) {
    const { name, filename, contentType } = await readHeader(source);
    const body = source.until(delimiter);
    if (filename) {
      await onFile({ name, filename, contentType, body });
      continue;
    }
    const text = await held(body, TEXT_BYTES_MAX - textBytes);
    textBytes += text.length;
    if (filename === null) onText(name, text.toString("utf8"));
  }
}

function boundaryOf(contentType: string): string {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new UnreadableForm();
  return boundary;
}

type Source = ReturnType<typeof openSource>;

/** The bytes of a stream, taken up to a delimiter at a time. */
function openSource(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  // A first delimiter need not stand on a new line.
  let waiting = Buffer.from("\r\n");

  async function more(): Promise<void> {
    const { done, value } = await reader.read();
    if (done) throw new UnreadableForm();
    waiting = Buffer.concat([waiting, value]);
  }

  /** Exactly so many bytes. */
  async function take(count: number): Promise<Buffer> {
    while (waiting.length < count) await more();
    const taken = waiting.subarray(0, count);
    waiting = waiting.subarray(count);
    return taken;
  }

  /** What comes before the delimiter, which is passed over. */
  async function* until(delimiter: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const at = waiting.indexOf(delimiter);
      const end = at >= 0 ? at : Math.max(0, waiting.length - delimiter.length + 1);
      const head = waiting.subarray(0, end);
      waiting = waiting.subarray(at >= 0 ? at + delimiter.length : end);
      if (head.length > 0) yield head;
      if (at >= 0) return;
      await more();
    }
  }
  return { take, until };
}

/** After a boundary come the end of the line, or two dashes if it is the last one. */
async function isLast({ take }: Source): Promise<boolean> {
  const next = (await take(2)).toString("latin1");
  if (next !== "--" && next !== "\r\n") throw new UnreadableForm();
  return next === "--";
}

async function readHeader({ until }: Source) {
  const header = (await held(until(Buffer.from("\r\n\r\n")), HEADER_BYTES_MAX)).toString("utf8");
  const [, name] = /;\s*name="([^"]*)"/i.exec(header) ?? [];
  if (name === undefined) throw new UnreadableForm();
  const [, filename] = /;\s*filename="([^"]*)"/i.exec(header) ?? [];
  const [, contentType] = /^Content-Type:\s*([^\r\n]+)$/im.exec(header) ?? [];
  return {
    name: plain(name),
    filename: filename ?? null,
    contentType: contentType ?? "application/octet-stream",
  };
}

/** Browsers write three characters of a name as percent escapes. */
function plain(name: string): string {
  return name.replace(/%22|%0D|%0A/g, decodeURIComponent);
}
