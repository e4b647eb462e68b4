/** Claims and attempts, the routes of remote workers, in the OpenAPI document. */

import { z } from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  CheckpointRequestSchema,
  ContinueRequestSchema,
  EndedRunSchema,
  FailRequestSchema,
  LeaseSchema,
  ReportRequestSchema,
  SucceedRequestSchema,
} from "../attempts/schemas.ts";
import {
  emptyResponse,
  jobPath,
  jsonBody,
  jsonBodyProblems,
  jsonResponse,
  preferWait,
  problemResponses,
  waitHeaders,
} from "../openapi/parts.ts";
import { envelope } from "../schemas.ts";
import { ClaimedJobSchema, ClaimRequestSchema } from "./schemas.ts";

const workers = { tags: ["Remote workers"] };
const attemptPath = jobPath.extend({
  number: z.string().meta({ description: "The number of the attempt" }),
});
const waiting = z.object({ Prefer: preferWait });
const claimHeaders = {
  ...waitHeaders,
  "Retry-After": z.int().optional().meta({ description: "Seconds until asking again, if there was no job" }),
  "Idempotent-Replayed": z
    .string()
    .optional()
    .meta({ description: "true when a claim with this key was given these jobs before" }),
};

type AttemptOperation = {
  id: string;
  summary: string;
  body?: z.ZodType;
  example?: unknown;
  isWaiting?: boolean;
};

/** An operation of a running attempt: its body, and what it answers. */
function operation({ id, summary, body, example, isWaiting }: AttemptOperation, answer: z.ZodType | null) {
  return {
    operationId: id,
    summary,
    ...workers,
    requestParams: { path: attemptPath, ...(isWaiting && { header: waiting }) },
    ...(body && {
      requestBody: jsonBody(body, example !== undefined, { example: { value: example ?? {} } }),
    }),
    responses: {
      ...(answer
        ? { "200": jsonResponse("Done", envelope(answer), isWaiting ? waitHeaders : {}) }
        : { "204": emptyResponse("Noted") }),
      ...problemResponses("not_found", "token_expired", "attempt_over", ...(body ? jsonBodyProblems : [])),
    },
  };
}

const base = "/v1/jobs/{id}/attempts/{number}";

export const workerPaths: ZodOpenApiPathsObject = {
  "/v1/claims": {
    post: {
      operationId: "claimJobs",
      summary: "Claim jobs for a remote worker, and wait for one",
      ...workers,
      requestParams: {
        header: z.object({
          Prefer: preferWait,
          "Idempotency-Key": z.string().optional().meta({
            description:
              "A claim whose answer was lost can be repeated: while their leases last, the same jobs",
          }),
        }),
      },
      requestBody: jsonBody(ClaimRequestSchema, true, {
        one: { value: { types: ["video.transcode"], worker: { name: "transcoder-1" } } },
      }),
      responses: {
        "200": jsonResponse(
          "The jobs; none if none could be given",
          envelope(z.array(ClaimedJobSchema)),
          claimHeaders,
        ),
        ...problemResponses("invalid_idempotency_key", "unknown_job_type", ...jsonBodyProblems),
      },
    },
  },
  [`${base}/report`]: {
    post: operation(
      {
        id: "reportAttempt",
        summary: "Report progress and log lines, and renew the lease",
        body: ReportRequestSchema,
        isWaiting: true,
      },
      LeaseSchema,
    ),
  },
  [`${base}/checkpoint`]: {
    put: operation(
      {
        id: "saveCheckpoint",
        summary: "Store where to go on",
        body: CheckpointRequestSchema,
        example: { checkpoint: { segments: 2 } },
      },
      LeaseSchema,
    ),
  },
  [`${base}/succeed`]: {
    post: operation(
      { id: "succeedAttempt", summary: "End the job with a result", body: SucceedRequestSchema },
      EndedRunSchema,
    ),
  },
  [`${base}/fail`]: {
    post: operation(
      {
        id: "failAttempt",
        summary: "End the attempt with a failure",
        body: FailRequestSchema,
        example: { error: { kind: "service_unavailable" } },
      },
      EndedRunSchema,
    ),
  },
  [`${base}/continue`]: {
    post: operation(
      {
        id: "continueAttempt",
        summary: "End the run; the attempt goes on in another one",
        body: ContinueRequestSchema,
        example: { checkpoint: { segments: 2 } },
      },
      EndedRunSchema,
    ),
  },
  [`${base}/release`]: {
    post: operation(
      { id: "releaseAttempt", summary: "Give the run back, for example on SIGTERM" },
      EndedRunSchema,
    ),
  },
  [`${base}/acknowledge`]: {
    post: operation(
      { id: "acknowledgeCancel", summary: "Say that the work of a cancelled job has stopped" },
      null,
    ),
  },
};
