/** Reads request bodies: nothing too large, too slow or malformed gets past here, and each has its own problem. */

import type { Context } from "hono";
import type { z } from "zod";
import { readChunks, StalledStream, type StreamPatience } from "../../lib/request-chunks.ts";
import { startTimer } from "../../lib/runtime.ts";
import { type FieldError, toFieldErrors } from "../../submission/field-errors.ts";
import type { AppEnv } from "../app-env.ts";
import { Problem } from "../problems.ts";
import { FIELD_ERRORS_MAX, parseJson } from "./json.ts";

export const BODY_BYTES_MAX = 1024 * 1024;

/** A JSON body of 1 MiB takes two minutes at 70 kbit/s. */
const JSON_PATIENCE: StreamPatience = { idleMs: 30_000, totalMs: 120_000 };

/** A shorter body arrives in one or two packets. Reading it at once takes 20 % less CPU than reading chunks. */
const AT_ONCE_BYTES_MAX = 64 * 1024;

/** The request's JSON. Throws the problem for a wrong media type, a body too large, or one that cannot be read. */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  requireJson(c);
  return decodeJson(await readBytes(c));
}

/** As `readJson`, but an empty body counts as an empty object. */
export async function readOptionalJson(c: Context<AppEnv>): Promise<unknown> {
  rejectEncoded(c);
  const bytes = await readBytes(c);
  if (bytes.length === 0) return {};
  requireJson(c);
  return decodeJson(bytes);
}

/** The media type of the body in lower case, without parameters; null if there is none. */
export function mediaType(c: Context<AppEnv>): string | null {
  const header = c.req.header("Content-Type");
  if (header === undefined) return null;
  const end = header.indexOf(";");
  return (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
}

/** Refuses a body in a coding (RFC 9110 section 15.5.16), whose bytes would be taken for something else. */
export function rejectEncoded(c: Context<AppEnv>): void {
  const coding = c.req.header("Content-Encoding")?.trim().toLowerCase();
  if (coding === undefined || coding === "" || coding === "identity") return;
  throw new Problem("unsupported_media_type", {
    detail: "Send the body without a Content-Encoding.",
    headers: { "Accept-Encoding": "identity" },
  });
}

/** The chunks of the body. Throws `request_timeout` when its sender stalls. */
export async function* bodyChunks(
  c: Context<AppEnv>,
  patience: StreamPatience,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { body } = c.req.raw;
  if (!body) return;
  try {
    yield* readChunks(body, patience);
  } catch (error) {
    if (error instanceof StalledStream) throw new Problem("request_timeout");
    throw error;
  }
}

function requireJson(c: Context<AppEnv>): void {
  rejectEncoded(c);
  if (mediaType(c) !== "application/json") throw new Problem("unsupported_media_type");
}

async function readBytes(c: Context<AppEnv>): Promise<Uint8Array> {
  const declared = c.req.header("Content-Length");
  const isTooLarge = (length: number) => length > BODY_BYTES_MAX;
  if (isTooLarge(Number(declared ?? 0))) throw new Problem("payload_too_large");
  if (declared !== undefined && Number(declared) <= AT_ONCE_BYTES_MAX) return readAtOnce(c);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bodyChunks(c, JSON_PATIENCE)) {
    length += chunk.length;
    if (isTooLarge(length)) throw new Problem("payload_too_large");
    chunks.push(chunk);
  }
  return concatBytes(chunks, length);
}

/** The runtime enforces Content-Length, so the body has the length that was declared. */
async function readAtOnce(c: Context<AppEnv>): Promise<Uint8Array> {
  const timer = startTimer(JSON_PATIENCE.idleMs);
  const read = await Promise.race([c.req.raw.arrayBuffer(), timer.passed]).finally(timer.stop);
  if (read === "passed") throw new Problem("request_timeout");
  return new Uint8Array(read);
}

function concatBytes(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

function decodeJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0)
    throw new Problem("malformed_request", { detail: "Send a JSON object as the body." });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new Problem("malformed_request", { detail: "The body is not well-formed JSON in UTF-8." });
  }
  return parseJson(text);
}

/** The value as the schema parses it. Throws `invalid_request` with every error. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalidRequest(toFieldErrors(parsed.error));
  return parsed.data;
}

/** The problem that lists these errors. */
export function invalidRequest(errors: FieldError[]): Problem {
  return new Problem("invalid_request", { members: { errors: errors.slice(0, FIELD_ERRORS_MAX) } });
}
