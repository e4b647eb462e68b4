/**
 * Every error of the API: one table and one shape (RFC 9457). The problem pages are generated from the table. No
 * problem contains a text that was not written for clients.
 */

import type { Context } from "hono";
import type { FieldError } from "../submission/field-errors.ts";
import type { AppEnv } from "./app-env.ts";

type ProblemKind = { status: ContentfulErrorStatus; title: string; detail: string };
type ContentfulErrorStatus =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 408
  | 409
  | 411
  | 412
  | 413
  | 415
  | 416
  | 422
  | 429
  | 500
  | 503
  | 507;

/** The codes. `detail` says what to do next, unless the problem has a more specific one. */
export const problemKinds = {
  malformed_request: {
    status: 400,
    title: "The request could not be understood.",
    detail: "Correct the syntax of the request and send it again.",
  },
  invalid_idempotency_key: {
    status: 400,
    title: "The idempotency key is not acceptable.",
    detail:
      'Send exactly one Idempotency-Key: 1 to 255 letters, digits or _ - . : ~, or a quoted string such as "my key".',
  },
  invalid_cursor: {
    status: 400,
    title: "The cursor is not valid here.",
    detail: "List again without a cursor.",
  },
  unauthenticated: {
    status: 401,
    title: "A valid API key is needed.",
    detail: "Send the header Authorization: Bearer followed by a valid key.",
  },
  token_expired: {
    status: 401,
    title: "The token is no longer valid.",
    detail: "Ask the server that made the token for a new one.",
  },
  forbidden: {
    status: 403,
    title: "Insufficient scope.",
    detail: "Use a key that has the scope named in the detail of this problem.",
  },
  tenant_disabled: {
    status: 403,
    title: "The tenant is disabled.",
    detail: "Ask the operator of this service. Jobs that were accepted go on.",
  },
  not_found: {
    status: 404,
    title: "Not found.",
    detail: "Check the address. What was purged or deleted, or belongs to someone else, does not exist.",
  },
  method_not_allowed: {
    status: 405,
    title: "The method is not possible here.",
    detail: "Use one of the methods in the Allow header.",
  },
  request_timeout: {
    status: 408,
    title: "The body did not arrive in time.",
    detail: "Send the whole body without pauses of more than 30 seconds.",
  },
  job_not_cancellable: {
    status: 409,
    title: "The job has already finished.",
    detail: "A job that succeeded or failed can no longer be cancelled. Read it for its result.",
  },
  job_not_finished: {
    status: 409,
    title: "The job has not finished.",
    detail: "Wait until the job has finished, or cancel it first.",
  },
  job_without_result: {
    status: 409,
    title: "The job has no result.",
    detail: "Only a job that succeeded has a result. Read the job for the reason.",
  },
  duplicate_job: {
    status: 409,
    title: "Another job does this work.",
    detail: "Use the job named in job_id, or submit again when it has finished.",
  },
  attempt_over: {
    status: 409,
    title: "The run of this token is over.",
    detail: "Stop the work. If the reason is cancelled, then say so with `acknowledge`.",
  },
  built_in: {
    status: 409,
    title: "It is part of the deployment.",
    detail: "Choose another name. What the deployment declares can be neither replaced nor removed.",
  },
  upload_incomplete: {
    status: 409,
    title: "The upload lacks parts.",
    detail: "Send the parts listed in missing_parts, then complete it again.",
  },
  length_required: {
    status: 411,
    title: "The length of the body is needed.",
    detail: "Send the header Content-Length with the number of bytes.",
  },
  precondition_failed: {
    status: 412,
    title: "It has changed.",
    detail: "Read it again and use its current ETag.",
  },
  payload_too_large: {
    status: 413,
    title: "The body is too large.",
    detail: "Send less: JSON bodies may have 1 MiB, files 100 MiB.",
  },
  unsupported_media_type: {
    status: 415,
    title: "The media type or coding of the body is not supported.",
    detail: "Send the body as JSON with the header Content-Type: application/json.",
  },
  range_not_satisfiable: {
    status: 416,
    title: "The range lies outside the file.",
    detail: "Ask for a range within the length given in Content-Range.",
  },
  invalid_request: {
    status: 422,
    title: "The request is not acceptable.",
    detail: "Correct the fields listed in errors and send the request again.",
  },
  unknown_job_type: {
    status: 422,
    title: "There is no such job type.",
    detail: "Use one of the types listed at /v1/job-types.",
  },
  idempotency_key_reused: {
    status: 422,
    title: "The idempotency key belongs to another request.",
    detail: "Use a new key for a new request, or repeat the first request unchanged.",
  },
  rate_limited: {
    status: 429,
    title: "Too many requests.",
    detail: "Wait as many seconds as Retry-After says, then go on more slowly.",
  },
  quota_exceeded: {
    status: 429,
    title: "A quota of the tenant is used up.",
    detail: "Make room for what `limit` names, or ask the operator for more. See /v1/usage.",
  },
  backlog_full: {
    status: 429,
    title: "The queue accepts no more jobs.",
    detail:
      "Submit again after as many seconds as Retry-After says. A repeated key is answered all the same.",
  },
  internal_error: {
    status: 500,
    title: "Something went wrong on our side.",
    detail:
      "Try again with the same idempotency key; if the error persists, give support the instance of this problem.",
  },
  unavailable: {
    status: 503,
    title: "The service is not available for a moment.",
    detail: "Try again with the same idempotency key after as many seconds as Retry-After says.",
  },
  storage_quota_exceeded: {
    status: 507,
    title: "A storage quota of the tenant is used up.",
    detail: "Delete what is no longer needed, or ask the operator for more. See /v1/usage.",
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problemKinds;

type ProblemOptions = {
  detail?: string;
  headers?: Record<string, string>;
  members?: {
    errors?: FieldError[];
    job_status?: string;
    job_id?: string;
    reason?: string;
    missing_parts?: number[];
    queue?: string;
    limit?: string;
    allowed?: number;
    used?: number;
  };
};

/** Thrown by whatever rejects a request; becomes the response in one place. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly occasion: ProblemOptions;
  constructor(code: ProblemCode, occasion: ProblemOptions = {}) {
    super(code);
    this.code = code;
    this.occasion = occasion;
  }
}

/** The answer for a problem: `application/problem+json`, never cached. */
export function problemResponse(c: Context<AppEnv>, { code, occasion }: Problem): Response {
  const { status, title, detail } = problemKinds[code];
  const body = {
    type: `${new URL(c.req.url).origin}/problems/${code}`,
    title,
    status,
    detail: occasion.detail ?? detail,
    code,
    instance: `urn:uuid:${c.get("requestId")}`,
    ...occasion.members,
  };
  return c.body(JSON.stringify(body), status, {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    ...occasion.headers,
  });
}
