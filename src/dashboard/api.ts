/**
 * The public API as the dashboard uses it: in-process calls to the same app with the key of the signed-in person.
 * So the dashboard can do no more than any client.
 */

import type { Context } from "hono";
import type { z } from "zod";
import type { MeSchema, UsageSchema } from "../api/account/schemas.ts";
import type { AppEnv } from "../api/app-env.ts";
import type { BulkCountSchema, BulkRequestSchema } from "../api/bulk/schemas.ts";
import type { StoredFileSchema } from "../api/files/schemas.ts";
import type { JobTypeSchema } from "../api/job-types/schemas.ts";
import type { CreatedKeySchema, KeySchema } from "../api/keys/schemas.ts";
import type { ProblemSchema } from "../api/schemas.ts";
import type { HourStatsSchema } from "../api/stats/schemas.ts";
import type { DeliveryView, EventView, JobView } from "../rpc/views.ts";

type BulkRequest = z.input<typeof BulkRequestSchema>;

export type ProblemBody = z.infer<typeof ProblemSchema>;
export type TypeView = z.infer<typeof JobTypeSchema>;
export type MeView = z.infer<typeof MeSchema>;
export type UsageView = z.infer<typeof UsageSchema>;
export type KeyView = z.infer<typeof KeySchema>;
export type CreatedKeyView = z.infer<typeof CreatedKeySchema>;
export type FileView = z.infer<typeof StoredFileSchema>;

/** A value, or why there is none. */
export type OrApiError<Value> = Value | ApiError;

/** The public side of the service, called in-process. */
export type Service = (
  request: Request,
  env: AppEnv["Bindings"],
  ctx: ExecutionContext,
) => Response | Promise<Response>;

/** A stored file; "gone" if it was deleted, "unknown" while the API rejects the question. */
export type FileFacts = { size: number; contentType: string } | "gone" | "unknown";

export type JobsPage = { data: JobView[]; next_cursor: string | null };
export type HourStatsView = z.infer<typeof HourStatsSchema>;
export type Percentiles = HourStatsView["queue_time_ms"];
/** A submission's job, and why it is an earlier one, if it is. */
export type SubmittedBody = { data: JobView; deduplicated?: "idempotency_key" | "unique_key" | "input_hash" };

/** What to say of it: `made` if the job is new. */
export function submittedNotice<Made extends string>({ deduplicated }: SubmittedBody, made: Made) {
  if (deduplicated === undefined) return made;
  return deduplicated === "idempotency_key" ? "repeated" : "existing";
}
export type BulkCount = z.infer<typeof BulkCountSchema>;
export type BulkAction = BulkRequest["action"];
/** The API validates the statuses that an address names. */
export type BulkFilter = Omit<BulkRequest["filter"], "status"> & { status?: string[] };

/** The API rejected a request; carries its problem. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly problem: ProblemBody;
  readonly retryAfter: string | null;
  constructor(problem: ProblemBody, retryAfter: string | null) {
    super(problem.code);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** A rejection as a value, for pages that show it in place; throws if the session is over. */
export async function orApiError<Value>(answer: Promise<Value>): Promise<OrApiError<Value>> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.problem.status !== 401) return error;
    throw error;
  }
}

/** The request of the dashboard that the calls are made for. */
type DashboardRequest = Pick<Context<AppEnv>, "req" | "env" | "executionCtx"> & {
  get(name: "traceparent"): string;
  get(name: "tracestate"): string | null;
};

type ApiRequestOptions = { json?: unknown; headers?: Record<string, string>; body?: ReadableStream | string };

/** Calls with the key. All but `raw` throw an ApiError if the API rejects them. */
function openCalls(service: Service, c: DashboardRequest, key: string) {
  async function raw(
    method: string,
    path: string,
    { json, headers, body }: ApiRequestOptions = {},
  ): Promise<Response> {
    const tracestate = c.get("tracestate");
    const address = c.req.header("CF-Connecting-IP");
    const request = new Request(new URL(path, c.req.url), {
      method,
      headers: sendable({
        Authorization: `Bearer ${key}`,
        traceparent: c.get("traceparent"),
        ...(tracestate !== null && { tracestate }),
        ...(address !== undefined && { "CF-Connecting-IP": address }),
        ...(json !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      }),
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      signal: c.req.raw.signal,
    });
    return service(request, c.env, c.executionCtx as ExecutionContext);
  }

  async function good(method: string, path: string, sent?: ApiRequestOptions): Promise<Response> {
    const response = await raw(method, path, sent);
    if (response.status >= 400) throw await toApiError(response);
    return response;
  }

  async function body<Body>(method: string, path: string, sent?: ApiRequestOptions): Promise<Body> {
    return (await good(method, path, sent)).json<Body>();
  }

  async function data<Data>(method: string, path: string, sent?: ApiRequestOptions): Promise<Data> {
    return (await body<{ data: Data }>(method, path, sent)).data;
  }

  return { raw, good, body, data };
}

export type ApiClient = ReturnType<typeof createApiClient>;

/** The API for one request of the dashboard. Every call throws an ApiError if the API rejects it. */
export function createApiClient(service: Service, c: DashboardRequest, credential: string) {
  const { raw, good, body, data } = openCalls(service, c, credential);
  const key = (id: string) => `/v1/keys/${encodeURIComponent(id)}`;
  const job = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`;
  return {
    /** The answer as it is, a stream for example. */
    pass: (path: string, headers: Record<string, string>) => good("GET", path, { headers }),
    job: (id: string) => data<JobView>("GET", job(id)),
    events: (id: string) => data<EventView[]>("GET", `${job(id)}/events`),
    deliveries: (id: string) => data<DeliveryView[]>("GET", `${job(id)}/deliveries`),
    types: () => data<TypeView[]>("GET", "/v1/job-types"),
    type: (name: string) => data<TypeView>("GET", `/v1/job-types/${encodeURIComponent(name)}`),
    /** `query` as the API's own: filters, limit and cursor. */
    jobs: (query: URLSearchParams) => body<JobsPage>("GET", `/v1/jobs?${query}`),
    stats: (query: URLSearchParams) => data<HourStatsView[]>("GET", `/v1/stats?${query}`),
    /** `text` is the body of the request as it was typed. */
    submit: (text: string, idempotencyKey: string) =>
      body<SubmittedBody>("POST", "/v1/jobs", {
        body: text,
        headers: { "Content-Type": "application/json", ...idempotency(idempotencyKey) },
      }),
    cancel: (id: string, reason: string | null) =>
      data<JobView>("POST", `${job(id)}/cancel`, { json: reason ? { reason } : {} }),
    replay: (id: string, idempotencyKey: string | null) =>
      body<SubmittedBody>("POST", `${job(id)}/replay`, { json: {}, headers: idempotency(idempotencyKey) }),
    /** False if there was no such job. */
    delete: async (id: string): Promise<boolean> => {
      const response = await raw("DELETE", job(id));
      if (response.status >= 400 && response.status !== 404) throw await toApiError(response);
      return response.ok;
    },
    redeliver: (id: string, deliveryId: string) => {
      const path = `${job(id)}/deliveries/${encodeURIComponent(deliveryId)}/redeliver`;
      return data<DeliveryView>("POST", path, { json: {} });
    },
    /** How many jobs the action would concern now. */
    count: (action: BulkAction, filter: BulkFilter) =>
      data<BulkCount>("POST", "/v1/bulk", { json: { action, filter, dry_run: true } }),
    /** Acts on no job that was accepted or finished after `asOf`. */
    bulk: (action: BulkAction, filter: BulkFilter, asOf: string, idempotencyKey: string | null) =>
      data<JobView>("POST", "/v1/bulk", {
        json: { action, filter, as_of: asOf },
        headers: idempotency(idempotencyKey),
      }),
    /** Stores a file while it arrives. */
    upload: (file: ReadableStream, contentType: string) =>
      data<FileView>("POST", "/v1/files", { body: file, headers: { "Content-Type": contentType } }),
    /** Size in bytes and type of a stored file. */
    file: async (id: string): Promise<FileFacts> => {
      const { status, headers } = await raw("HEAD", `/v1/files/${encodeURIComponent(id)}`);
      if (status !== 200) return status === 404 ? "gone" : "unknown";
      const contentType = headers.get("Content-Type") ?? "application/octet-stream";
      return { size: Number(headers.get("Content-Length")), contentType };
    },
    me: () => data<MeView>("GET", "/v1/me"),
    usage: () => data<UsageView>("GET", "/v1/usage"),
    keys: () => data<KeyView[]>("GET", "/v1/keys"),
    createKey: (json: object) => data<CreatedKeyView>("POST", "/v1/keys", { json }),
    rotateKey: (id: string) => data<CreatedKeyView>("POST", `${key(id)}/rotate`, { json: {} }),
    /** False if there was no such key. */
    revokeKey: async (id: string): Promise<boolean> => {
      const response = await raw("DELETE", key(id));
      if (response.status >= 400 && response.status !== 404) throw await toApiError(response);
      return response.ok;
    },
  };
}

function idempotency(key: string | null): Record<string, string> {
  return key ? { "Idempotency-Key": key } : {};
}

/**
 * A form's text may hold what no header can, and Headers throws. It becomes a control character, which the API refuses
 * in every header it reads.
 */
function sendable(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [name, value.replace(/[\0\r\n]/g, "\x01")]));
}

async function toApiError(response: Response): Promise<ApiError> {
  const retryAfter = response.headers.get("Retry-After");
  return new ApiError(await response.json<ProblemBody>(), retryAfter);
}
