/** Calls the service as a client does, over its fetch handler, and checks every answer it sees (answers.ts). */

import { createExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { z } from "zod";
import type { Document } from "../../conformance/document.ts";
import type { JobEventSchema } from "../../src/api/events/schemas.ts";
import type { JobSchema } from "../../src/api/jobs/schemas.ts";
import type { ProblemSchema } from "../../src/api/schemas.ts";
import { createApp } from "../../src/app.ts";
import type { Env } from "../../src/env.ts";
import { jobTypes } from "../../src/job-types/index.ts";
import { checkGroundRules, openDocument } from "./answers.ts";
import { testJobTypes } from "./job-types.ts";
import { type Caller, keyOf } from "./keys.ts";

export const ORIGIN = "https://accepted.test";

export type JobJson = z.infer<typeof JobSchema>;
export type EventJson = z.infer<typeof JobEventSchema>;
export type ProblemJson = z.infer<typeof ProblemSchema>;

export type Call = {
  /** Whose key goes along; null for none. Default: parked, whose jobs stay queued. */
  as?: Caller | null;
  /** Sent as JSON, with its Content-Type. */
  json?: unknown;
  /** Sent as it is. */
  body?: BodyInit;
  headers?: Record<string, string> | [string, string][];
  /** The name the service is reached by. */
  origin?: string;
};

export type Answer = {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body. */
  body: { data: unknown; deduplicated?: string };
  /** The job it is; meaningless for other answers. */
  job: JobJson;
  /** The problem it is; meaningless for other answers. */
  problem: ProblemJson;
};

type Fetcher = (request: Request) => Response | Promise<Response>;

let document: Promise<Document> | undefined;

/** The service's own OpenAPI document. */
export function openApi(): Promise<Document> {
  document ??= exports.default.fetch(new Request(`${ORIGIN}/openapi.json`)).then((answer) => answer.json());
  return document;
}

let asDescribed: ReturnType<typeof openDocument> | undefined;

/** The answer to one request, checked against the ground rules and the OpenAPI document. */
export function call(method: string, path: string, options: Call = {}): Promise<Answer> {
  return callOn((request) => exports.default.fetch(request), method, path, options);
}

/** As `call`, but of a service that has other bindings: broken ones, for example. */
export function callWith(
  bindings: Partial<Record<keyof Env, unknown>>,
  method: string,
  path: string,
  options: Call = {},
): Promise<Answer> {
  const app = createApp(new Map([...jobTypes, ...testJobTypes]));
  const broken = { ...env, ...bindings } as Env;
  return callOn((request) => app.fetch(request, broken, createExecutionContext()), method, path, options);
}

async function callOn(fetch: Fetcher, method: string, path: string, options: Call): Promise<Answer> {
  const request = await requestOf(method, path, options);
  const response = await fetch(request);
  const { status, headers } = response;
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const asked = { method, url: request.url };
  checkGroundRules(asked, { status, headers, text });
  asDescribed ??= openDocument(await openApi());
  if (status !== 405 && method !== "OPTIONS") asDescribed(asked, { status, headers, text });
  const isJson = /json/.test(headers.get("Content-Type") ?? "") && text !== "";
  const body = isJson ? JSON.parse(text) : null;
  return { status, headers, text, body, job: body?.data, problem: body };
}

async function requestOf(method: string, path: string, options: Call) {
  const { as = "parked", json, body, headers, origin = ORIGIN } = options;
  const sent = new Headers();
  if (as !== null) sent.set("Authorization", `Bearer ${await keyOf(as)}`);
  if (json !== undefined) sent.set("Content-Type", "application/json");
  const given = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  for (const [name] of given) sent.delete(name);
  for (const [name, value] of given) sent.append(name, value);
  const payload = json === undefined ? body : JSON.stringify(json);
  return new Request(origin + path, {
    method,
    headers: sent,
    redirect: "manual",
    ...(payload === undefined ? {} : { body: payload }),
  });
}

/** Submits a job that must be accepted. */
export async function submit(fields: object = {}, options: Call = {}): Promise<Answer> {
  const json = { type: "test.simulate", input: {}, ...fields };
  const answer = await call("POST", "/v1/jobs", { json, ...options });
  expect(answer.status, answer.text).toBe(202);
  return answer;
}

/** The job as it is now; it must exist. */
export async function jobNow(id: string, as: Caller = "parked"): Promise<JobJson> {
  const answer = await call("GET", `/v1/jobs/${id}`, { as });
  expect(answer.status, answer.text).toBe(200);
  return answer.job;
}

/** Waits until the job is what the test waits for. */
export async function until(id: string, as: Caller, is: (job: JobJson) => boolean): Promise<JobJson> {
  return vi.waitFor(
    async () => {
      const job = await jobNow(id, as);
      if (!is(job)) throw new Error(`still ${job.status} (${job.status_reason})`);
      return job;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** Waits until the job has finished. */
export function finished(id: string, as: Caller = "acme"): Promise<JobJson> {
  return until(id, as, ({ finished_at }) => finished_at !== null);
}

/** The code of a refusal, with its status; fails the test if it was none. */
export function refusal({ status, problem, text }: Answer): [number, string] {
  expect(status, text).toBeGreaterThanOrEqual(400);
  return [status, problem.code];
}

/** A key that no other test uses. */
export function freshKey(): string {
  return `key-${crypto.randomUUID()}`;
}
