/**
 * `http.request`: calls a third party and returns its response. Transient errors are retried with the job's id as
 * the idempotency key, so that the third party recognizes a retry; any other 4xx is permanent. Of a failed response
 * only the status reaches the client.
 */

import { z } from "zod";
import { retryAfterMs } from "../lib/retry-after.ts";
import { now, sleep } from "../lib/runtime.ts";
import { checkTarget, TARGET_CHARS_MAX, type TargetRules, VIA } from "../lib/target.ts";
import { defineJobType, type InputError, type JobContext, JobFailure } from "./define.ts";

const REQUEST_BODY_BYTES_MAX = 512 * 1024;
const HEADERS_MAX = 50;

/** A result is at most 1 MiB of JSON, and escapes may double a text. */
const INLINE_BYTES_MAX = 256 * 1024;

/** As for uploaded files. */
const FILE_BYTES_MAX = 100 * 1024 * 1024;

/** Between this service and its peer (RFC 9110, section 7.6.1), or decided by the platform: not the client's to set. */
const RESERVED_HEADER =
  /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|http2-settings|expect|host|content-length|cdn-loop|proxy-.*|cf-.*)$/i;

/** Of the connection, not of the answer, or not true of the body as it is kept: decoded. A session is no result. */
const DROPPED_HEADER =
  /^(connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|set-cookie)$/;

/** Workers send none by themselves, and some APIs refuse such requests (RFC 9110 section 10.1.5). */
const REQUEST_USER_AGENT = "Accepted/1.0";

/** The codings that the platform decodes before the body is read. */
const DECODED = /^(gzip|br|identity)?$/i;

/** Safe methods (RFC 9110 section 9.2.1): repeating them needs no idempotency key. */
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];

const HeaderName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/, "must be a header name")
  .refine((name) => !RESERVED_HEADER.test(name), "is set by the service and cannot be given");

const RequestHeaders = z
  .record(
    HeaderName,
    z.string().regex(/^[\t\x20-\x7e]{0,8192}$/, "must be at most 8,192 ASCII characters in one line"),
  )
  .refine(
    (headers) => Object.keys(headers).length <= HEADERS_MAX,
    `must not have more than ${HEADERS_MAX} entries`,
  )
  .refine((headers) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    return new Set(names).size === names.length;
  }, "must not name a header twice");

const HttpRequestInputSchema = z.strictObject({
  url: z
    .string()
    .min(1)
    .max(TARGET_CHARS_MAX)
    .describe("A public https URL on port 443, without user information."),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
  headers: RequestHeaders.optional().describe(
    "At most 50. Hop-by-hop headers, Host, Content-Length, Expect, CDN-Loop, Proxy-* and CF-* cannot be given. " +
      "Unless given: traceparent and tracestate are the job's, User-Agent is Accepted/1.0, and Idempotency-Key (not on GET, HEAD, OPTIONS) is the job's id.",
  ),
  body: z
    .union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())])
    .refine(
      (body) => new TextEncoder().encode(decodeText(body)).length <= REQUEST_BODY_BYTES_MAX,
      "must not exceed 512 KiB",
    )
    .optional()
    .describe(
      "A string is sent as it is. An object or array is sent as JSON, with Content-Type: application/json " +
        "unless given. At most 512 KiB. Not with GET or HEAD.",
    ),
  timeout_ms: z.int().min(1_000).max(120_000).default(30_000).describe("Until the whole answer has arrived."),
});
type HttpRequestInputSchema = z.infer<typeof HttpRequestInputSchema>;

/** `headers` has lower-case names. */
type HttpRequestResult = { status: number; headers: Record<string, string>; body: KeptBody };

/** Short text itself, or where it is: `file` is the id of a file of the tenant, purged with the job. */
type KeptBody = string | { file: string };

export const httpRequest = defineJobType({
  type: "http.request",
  description:
    "Calls a third party over https. Statuses 408, 425, 429 and 5xx and network errors are retried, honouring " +
    "Retry-After; any other 4xx fails the job; a redirect is a result and is not followed. The result is " +
    "{status, headers, body}: header names in lower case, without Set-Cookie and hop-by-hop headers, and with " +
    'Content-Encoding only if the body is kept as it came; body a string if it is UTF-8 text of at most 256 KiB, else {"file": "file_…"}, the id of a stored ' +
    "file of at most 100 MiB.",
  input: HttpRequestInputSchema,
  example: {
    url: "https://api.example.com/v1/refunds",
    method: "POST",
    headers: { accept: "application/json" },
    body: { payment: "pay_123", amount: "12.50" },
  },
  maxAttempts: 5,
  check: (input, context) => [
    ...urlErrors(input, context.targetRules),
    ...(hasForbiddenBody(input)
      ? [{ pointer: "/body", detail: `A ${input.method} request has no body.` }]
      : []),
  ],
  run: call,
});

/** One call. Every abort, by the job or by the time-out, also stops the reading of the body. */
async function call(input: HttpRequestInputSchema, job: JobContext): Promise<HttpRequestResult> {
  const [error] = urlErrors(input, job.targetRules);
  if (error) throw new JobFailure("invalid_input", { code: "target_refused", message: error.detail });
  if (!SAFE_METHODS.includes(input.method)) await job.ensureCurrent();
  const finished = new AbortController();
  const timedOut = new AbortController();
  void sleep(input.timeout_ms, finished.signal).then(() => timedOut.abort());
  const signal = AbortSignal.any([job.signal, timedOut.signal]);
  const whileConnected = <T>(answer: Promise<T>) =>
    answer.catch((cause: unknown): never => {
      job.signal.throwIfAborted();
      throw timedOut.signal.aborted ? timeoutFailure(input.timeout_ms, cause) : unreachableFailure(cause);
    });
  try {
    const response = await whileConnected(fetch(input.url, toRequest(input, job, signal)));
    const failure = toJobFailure(response);
    if (failure) throw failure;
    return {
      status: response.status,
      headers: Object.fromEntries([...response.headers].filter(([name]) => isKept(name, response))),
      body: await keepBody(response, whileConnected, job.files),
    };
  } finally {
    finished.abort();
  }
}

function toRequest(input: HttpRequestInputSchema, job: JobContext, signal: AbortSignal): RequestInit {
  const headers = new Headers(input.headers);
  const byDefault = (name: string, value: string) => headers.has(name) || headers.set(name, value);
  if (job.tracestate !== null && !headers.has("traceparent")) byDefault("tracestate", job.tracestate);
  byDefault("traceparent", job.traceparent);
  byDefault("user-agent", REQUEST_USER_AGENT);
  headers.append("via", VIA);
  if (!SAFE_METHODS.includes(input.method)) byDefault("idempotency-key", job.id);
  if (typeof input.body === "object") byDefault("content-type", "application/json");
  const body = input.body === undefined ? null : decodeText(input.body);
  return { method: input.method, headers, body, redirect: "manual", signal };
}

/** Whether the header is true of the body as it is kept. */
function isKept(name: string, response: Response): boolean {
  return name === "content-encoding" ? !isDecoded(response) : !DROPPED_HEADER.test(name);
}

function isDecoded({ headers }: Response): boolean {
  return DECODED.test(headers.get("content-encoding")?.trim() ?? "");
}

/** Null for an answer that is a result, redirects included. */
function toJobFailure({ status, headers }: Response): JobFailure | null {
  if (status < 400) return null;
  const waitMs = retryAfterMs(headers.get("retry-after"), now());
  return new JobFailure(kindOf(status), {
    code: `http_${status}`,
    message: `The third party answered with HTTP status ${status}.`,
    ...(waitMs !== null && { retryAfterMs: waitMs }),
  });
}

function kindOf(status: number): JobFailure["kind"] {
  if (status === 408 || status === 504) return "timeout";
  if (status === 429) return "rate_limited";
  if (status === 425 || status >= 500) return "service_unavailable";
  if (status === 401 || status === 403) return "permission_denied";
  return status === 404 || status === 410 ? "not_found" : "invalid_input";
}

function timeoutFailure(timeoutMs: number, cause: unknown): JobFailure {
  const message = `The third party did not answer completely within ${timeoutMs} ms.`;
  return new JobFailure("timeout", { code: "third_party_timeout", message, cause });
}

function unreachableFailure(cause: unknown): JobFailure {
  const message = "The third party could not be reached, or the connection broke.";
  return new JobFailure("service_unavailable", { code: "third_party_unreachable", message, cause });
}

function urlErrors({ url }: HttpRequestInputSchema, rules: TargetRules): InputError[] {
  const detail = checkTarget(url, rules);
  return detail === null ? [] : [{ pointer: "/url", detail }];
}

function hasForbiddenBody({ method, body }: HttpRequestInputSchema): boolean {
  return body !== undefined && (method === "GET" || method === "HEAD");
}

function decodeText(body: string | object): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}

/** Translates errors of the connection; errors of the file store are not the third party's. */
type Guard = <T>(answer: Promise<T>) => Promise<T>;

/**
 * Keeps the body of `response` with at most a result's size plus one chunk in memory. Rejects with a permanent
 * failure if the body exceeds 100 MiB.
 */
async function keepBody(
  response: Response,
  whileConnected: Guard,
  files: JobContext["files"],
): Promise<KeptBody> {
  const chunks = chunksOf(response, whileConnected);
  const first: Uint8Array[] = [];
  let bytes = 0;
  while (bytes <= INLINE_BYTES_MAX) {
    const { done, value } = await chunks.next();
    if (done) break;
    first.push(value);
    bytes += value.length;
  }
  const text = bytes <= INLINE_BYTES_MAX && isDecoded(response) ? plainText(first) : null;
  if (text !== null) return text;
  const file = await files.create(contentTypeOf(response), joinChunks(first, chunks));
  return { file: file.id };
}

async function* chunksOf({ body }: Response, whileConnected: Guard): AsyncGenerator<Uint8Array, void> {
  if (!body) return;
  const reader = body.getReader();
  for (let bytes = 0; ; ) {
    const { done, value } = await whileConnected(reader.read());
    if (done) return;
    bytes += value.length;
    if (bytes > FILE_BYTES_MAX) {
      const message = "The third party's answer exceeds 100 MiB.";
      throw new JobFailure("invalid_input", { code: "response_too_large", message });
    }
    yield value;
  }
}

async function* joinChunks(
  first: Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  yield* first;
  yield* rest;
}

/** The chunks as text; null if they are not UTF-8, or contain control characters other than white space. */
function plainText(chunks: Uint8Array[]): string | null {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  try {
    for (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
    text += decoder.decode();
  } catch {
    return null;
  }
  return /[^\P{Cc}\t\n\r]/u.test(text) ? null : text;
}

/** The response's media type (RFC 9110 section 8.3.1), if it has a valid one. */
function contentTypeOf(response: Response): string {
  const given = isDecoded(response) ? (response.headers.get("content-type") ?? "") : "";
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\t\x20-\x7e]*)?$/.test(given)
    ? given
    : "application/octet-stream";
}
