/** Reads a submitted form without files, as browsers encode it (WHATWG URL section 5). */

import { Buffer } from "node:buffer";

/** More than any such form of the dashboard holds. */
const SIMPLE_FORM_BYTES_MAX = 64 * 1024;

/** The form cannot be read: it is malformed, or larger than a form of the dashboard can be. */
export class UnreadableForm extends Error {
  override readonly name = "UnreadableForm";
}

/** The form's fields. Throws UnreadableForm as soon as the body is too large, whatever length was declared. */
export async function readSimpleForm(request: Request): Promise<URLSearchParams> {
  const mediaType = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") throw new UnreadableForm();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > SIMPLE_FORM_BYTES_MAX) throw new UnreadableForm();
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
