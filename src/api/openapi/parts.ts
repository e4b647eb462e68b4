/** The recurring parts of the OpenAPI document: headers, problems, and answers made of them. */

import { z } from "zod";
import type { ZodOpenApiResponseObject } from "zod-openapi";
import { rfc3339Schema } from "../../lib/rfc3339.ts";
import { JobSchema, SubmittedSchema } from "../jobs/schemas.ts";
import { type ProblemCode, problemKinds } from "../problems.ts";
import { PAGE_DEFAULT, PAGE_MAX } from "../request/query.ts";
import { envelope, JobIdSchema, ProblemSchema } from "../schemas.ts";

type Headers = Record<string, z.ZodType>;

const text = (description: string) => z.string().meta({ description, header: { required: true } });
const optionalText = (description: string) => z.string().optional().meta({ description });
const seconds = (description: string) => z.int().meta({ description, header: { required: true } });

/** On every response. */
const everyAnswer: Headers = {
  "Request-Id": text("Identifies this request; a problem has it as instance"),
  "X-Content-Type-Options": text("Always nosniff"),
  "Cache-Control": text("no-store on errors; private, no-cache on a job"),
};

const etag = text('The version of what is answered, such as "4", of a job with progress in memory "4.17"');

/** A condition on the version of what is changed. */
export const ifSameVersion = z.object({
  "If-Match": z.string().optional().meta({ description: "Only if the version is still this" }),
});

/** On an answer that has a version. */
export const versionETag: Headers = { ETag: text("The version") };

/** On every answer that is a job. */
export const jobResponseHeaders: Headers = {
  ETag: etag,
  "Retry-After": z
    .int()
    .optional()
    .meta({ description: "Seconds until asking again is worthwhile; only while not finished" }),
};

/** On an answer that made something. */
export const locationHeader = (description: string): Headers => ({ Location: text(description) });

/** The query parameters of a list that comes in pages. */
export const pageQuery = z.object({
  limit: z
    .int()
    .min(1)
    .optional()
    .meta({ description: `Most on a page: ${PAGE_DEFAULT} if not said, ${PAGE_MAX} if more is asked for` }),
  cursor: z
    .string()
    .optional()
    .meta({ description: "The next_cursor of the page before, with the same filter" }),
});

export const nextPageHeader: Headers = {
  Link: z
    .string()
    .optional()
    .meta({ description: 'The next page, rel="next" (RFC 8288); absent on the last' }),
};

export const acceptedHeaders: Headers = {
  ETag: etag,
  Location: text("The job's status URL"),
  "Content-Location": text("The same: the body is the job"),
  Link: text('The same again, rel="monitor"'),
  "Retry-After": z.int().optional().meta({
    description: "Seconds until polling is worthwhile; absent when a job that has finished is answered",
  }),
  "Idempotent-Replayed": optionalText("true when the Idempotency-Key was used before, with the same request"),
};

/** On answers that a client may prefer to wait for. */
export const waitHeaders: Headers = {
  Vary: text("Always Prefer"),
  "Preference-Applied": optionalText("wait= and the seconds applied, if the client preferred to wait"),
};

/** On a 304 about a file (RFC 9110 section 15.4.5). */
export const sameFileHeaders: Headers = { ETag: text("The SHA-256 of the file") };

export const fileResponseHeaders: Headers = {
  ...sameFileHeaders,
  "Accept-Ranges": text("Always bytes"),
  "Content-Disposition": text("Always attachment"),
};

export const rangeResponseHeaders: Headers = {
  ...fileResponseHeaders,
  "Content-Range": text("The range and the length of the file"),
};

const problemHeaders: Partial<Record<ProblemCode, Headers>> = {
  unauthenticated: { "WWW-Authenticate": text("Always the scheme Bearer") },
  unsupported_media_type: {
    "Accept-Encoding": optionalText("identity, if the body had another Content-Encoding"),
  },
  method_not_allowed: { Allow: text("The methods possible here") },
  rate_limited: { "Retry-After": seconds("Seconds to wait") },
  unavailable: { "Retry-After": seconds("Seconds to wait") },
  backlog_full: { "Retry-After": seconds("Seconds to wait") },
  quota_exceeded: {
    "Retry-After": z.int().optional().meta({ description: "Seconds to wait, where waiting helps" }),
  },
  range_not_satisfiable: { "Content-Range": text("The length of the file") },
};

/** The headers of all problems; some, such as 405, any operation may answer. */
export const problemHeaderNames: readonly string[] = Object.values(problemHeaders).flatMap(Object.keys);

/**
 * An id in a path. Its example is part of the description, because tools that try requests would send a real one.
 * Headers and query parameters have no example for the same reason, unless it works as it is.
 */
export function idInPath(id: z.ZodString) {
  const { description, example } = id.meta() ?? {};
  return id.meta({ description: `${description}, such as ${example}`, example: undefined });
}

export const jobPath = z.object({ id: idInPath(JobIdSchema) });

export const ifNoneMatch = z
  .string()
  .optional()
  .meta({ description: "Answers 304 if the version is still this" });

export const idempotencyKey = z.string().optional().meta({
  description:
    "Makes it safe to repeat the request: the same key and body always mean the same job. Such as order-4711",
});

export const preferWait = z.string().optional().meta({
  description:
    "RFC 7240: wait=30 holds the answer until the job has finished, at most so many seconds, and at most 55",
});

/** A request's JSON body; `examples` are bodies that can be sent as they are, by name. */
export function jsonBody(
  schema: z.ZodType,
  required: boolean,
  examples?: Record<string, { value: unknown }>,
) {
  return { required, content: { "application/json": { schema, ...(examples && { examples }) } } };
}

/** What may be wrong with a JSON body. */
export const jsonBodyProblems = [
  "malformed_request",
  "payload_too_large",
  "request_timeout",
  "unsupported_media_type",
  "invalid_request",
] as const satisfies ProblemCode[];

/** An answer with a JSON body. */
export function jsonResponse(
  description: string,
  schema: z.ZodType,
  headers: Headers = {},
): ZodOpenApiResponseObject {
  return { ...emptyResponse(description, headers), content: { "application/json": { schema } } };
}

/** An answer without a body. */
export function emptyResponse(description: string, headers: Headers = {}): ZodOpenApiResponseObject {
  return { description, headers: z.object({ ...everyAnswer, ...headers }) };
}

/** An answer that is a job. */
export function jobResponse(
  description: string,
  headers: Headers = jobResponseHeaders,
): ZodOpenApiResponseObject {
  return jsonResponse(description, envelope(JobSchema), headers);
}

/** An answer to a submission: the job that was made, or an earlier one and why. */
export function submittedResponse(description: string): ZodOpenApiResponseObject {
  return jsonResponse(description, SubmittedSchema, { ...acceptedHeaders, ...waitHeaders });
}

/** An answer that is raw bytes. */
export function bytesResponse(description: string, headers: Headers): ZodOpenApiResponseObject {
  return {
    ...emptyResponse(description, headers),
    content: { "*/*": { schema: z.string().meta({ format: "binary" }) } },
  };
}

/** The problems an operation that needs a key may answer, by status. */
export function problemResponses(...codes: ProblemCode[]): Record<string, ZodOpenApiResponseObject> {
  return publicProblemResponses(
    ...new Set<ProblemCode>(["malformed_request", ...codes]),
    "unauthenticated",
    "forbidden",
    "tenant_disabled",
    "rate_limited",
    "internal_error",
    "unavailable",
  );
}

/** The problems of an operation that needs no key, by status; several codes with one status share a response. */
export function publicProblemResponses(...codes: ProblemCode[]): Record<string, ZodOpenApiResponseObject> {
  const answers: Record<string, ZodOpenApiResponseObject> = {};
  for (const status of new Set(codes.map((code) => problemKinds[code].status))) {
    answers[String(status)] = createProblemResponse(
      codes.filter((code) => problemKinds[code].status === status),
    );
  }
  return answers;
}

function createProblemResponse(codes: ProblemCode[]): ZodOpenApiResponseObject {
  // In the order of the table: of two codes with one header, the later one says more.
  const own = Object.entries(problemHeaders).filter(([code]) => codes.includes(code as ProblemCode));
  const headers = Object.assign({}, everyAnswer, ...own.map(([, declared]) => declared)) as Headers;
  return {
    description: codes.map((code) => `${code}: ${problemKinds[code].title}`).join(" "),
    headers: z.object(headers),
    content: { "application/problem+json": { schema: ProblemSchema } },
  };
}

/** A time as a query parameter. */
export const timeParameter = (description: string) =>
  rfc3339Schema.optional().meta({ description: `${description}; such as 2026-11-22T12:00:00Z` });
