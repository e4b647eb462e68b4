/** Reads a submitted form without files, as browsers encode it (WHATWG URL section 5). */

import { Buffer } from "node:buffer";
import { MINUTE, SECOND } from "../../core/time.ts";
import { readChunks, type StreamPatience } from "../../lib/request-chunks.ts";

/** More than any such form of the dashboard holds. */
const SIMPLE_FORM_BYTES_MAX = 64 * 1024;

/** A form may hold a file of 100 MiB, which takes half an hour at 500 kbit/s. */
export const FORM_PATIENCE: StreamPatience = { idleMs: 30 * SECOND, totalMs: 30 * MINUTE };

/** The form cannot be read: it is malformed, or larger than a form of the dashboard can be. */
export class UnreadableForm extends Error {
  override readonly name = "UnreadableForm";
}

/**
 * The form's fields. Throws UnreadableForm as soon as the body is too large, whatever length was declared, and
 * StalledStream if its sender stops.
 */
export async function readSimpleForm(request: Request): Promise<URLSearchParams> {
  const mediaType = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") throw new UnreadableForm();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ? readChunks(request.body, FORM_PATIENCE) : []) {
    length += chunk.length;
    if (length > SIMPLE_FORM_BYTES_MAX) throw new UnreadableForm();
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}
