/** Reads a submitted form without files, as browsers encode it (WHATWG URL section 5). */

import { Buffer } from "node:buffer";

/** More than any such form of the dashboard holds. */
const BYTES_MAX = 64 * 1024;

/** The form cannot be read: not one that a browser sends, or too large a text in it. */
export class UnreadableForm extends Error {
  override readonly name = "UnreadableForm";
}

/** The form's fields. Throws UnreadableForm. */
export async function readSimpleForm(request: Request): Promise<URLSearchParams> {
  const mediaType = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") throw new UnreadableForm();
  return new URLSearchParams((await held(request.body ?? [], BYTES_MAX)).toString("utf8"));
}

/** All the bytes together. Throws UnreadableForm as soon as they are more, whatever length was declared. */
export async function held(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  bytesMax: number,
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > bytesMax) throw new UnreadableForm();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
