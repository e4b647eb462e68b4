/**
 * Reads a submitted form with a file (RFC 7578) as a stream. The platform's own `formData()` would hold the whole file,
 * which may be as large as the isolate's memory.
 */

import { once } from "node:events";
import type { Readable } from "node:stream";
import { Busboy } from "@fastify/busboy";
import { readChunks } from "../../lib/request-chunks.ts";
import { FORM_PATIENCE, UnreadableForm } from "./simple.ts";

/** The form has four fields and one file. All texts together fit into one request body of the API. */
const FORM_LIMITS = {
  parts: 10,
  files: 1,
  fields: 9,
  fieldNameSize: 100,
  fieldSize: 1024 * 1024,
  headerPairs: 20,
};

type Parser = InstanceType<typeof Busboy>;

/** A file while it arrives; `body` must be read to its end or cancelled. */
export type FormFile = { name: string; contentType: string; body: ReadableStream<Uint8Array> };

/**
 * The form's texts by name. `onFile` is called with the chosen file, if there is one. Throws UnreadableForm if the
 * form is malformed or beyond its limits, StalledStream if its sender stops; rejects if `onFile` does.
 */
export async function readFileForm(
  request: Request,
  onFile: (file: FormFile) => Promise<void>,
): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  const busboy = openBusboy(request.headers.get("Content-Type") ?? "");
  const finished = once(busboy, "finish").catch(() => {
    throw new UnreadableForm();
  });
  let stored: Promise<void> = Promise.resolve();
  let isBeyondLimits = false;
  busboy.on("field", (name, text, isNameCut, isTextCut) => {
    isBeyondLimits ||= isNameCut || isTextCut;
    fields.set(name, text);
  });
  for (const limit of ["partsLimit", "filesLimit", "fieldsLimit"] as const)
    busboy.on(limit, () => {
      isBeyondLimits = true;
    });
  busboy.on("file", (_field, file, name, _coding, contentType) => {
    if (name) stored = onFile({ name, contentType, body: toStream(file) });
    stored.catch(() => undefined).finally(() => file.resume());
  });
  await Promise.all([finished, writeAll(request.body, busboy, () => isBeyondLimits)]);
  await stored;
  if (isBeyondLimits) throw new UnreadableForm();
  return fields;
}

function openBusboy(contentType: string): Parser {
  try {
    return new Busboy({ headers: { "content-type": contentType }, limits: FORM_LIMITS });
  } catch {
    throw new UnreadableForm();
  }
}

async function writeAll(
  body: ReadableStream<Uint8Array> | null,
  busboy: Parser,
  isBeyondLimits: () => boolean,
): Promise<void> {
  for await (const chunk of body ? readChunks(body, FORM_PATIENCE) : []) {
    if (busboy.destroyed) return;
    if (isBeyondLimits()) throw new UnreadableForm();
    if (!busboy.write(chunk)) await once(busboy, "drain");
  }
  busboy.end();
}

function toStream(file: Readable): ReadableStream<Uint8Array> {
  const chunks = file[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}
