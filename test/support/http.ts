/** Calls the service as a client does, over its fetch handler, and checks every answer it sees (answers.ts). */

import { exports } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { z } from "zod";
import type { Job, JobEvent, ProblemBody } from "../../src/http/schemas.ts";
import { checkGroundRules, type Document, openDocument } from "./answers.ts";
import { type Caller, keyOf } from "./keys.ts";

export const ORIGIN = "https://accepted.test";

export type JobJson = z.infer<typeof Job>;
export type EventJson = z.infer<typeof JobEvent>;
export type ProblemJson = z.infer<typeof ProblemBody>;

export type Call = {
  /** Whose key goes along; null for none. Default: parked, whose jobs stay queued. */
  as?: Caller | null;
  /** Sent as JSON, with its Content-Type. */
  json?: unknown;
  /** Sent as it is. */
  body?: BodyInit;
  headers?: Record<string, string> | [string, string][];
};

export type Answer = {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body. */
  body: { data: unknown };
  /** The job it is; meaningless for other answers. */
  job: JobJson;
  /** The problem it is; meaningless for other answers. */
  problem: ProblemJson;
};

let document: Promise<ReturnType<typeof openDocument>> | undefined;

async function fetchDocument() {
  const answer = await exports.default.fetch(new Request(`${ORIGIN}/openapi.json`));
  return openDocument((await answer.json()) as Document);
}

/** The answer to one request, checked against the ground rules and the OpenAPI document. */
export async function call(method: string, path: string, options: Call = {}): Promise<Answer> {
  const request = await requestOf(method, path, options);
  const response = await exports.default.fetch(request);
  const { status, headers } = response;
  const text = await response.text();
  const asked = { method, url: request.url };
  checkGroundRules(asked, { status, headers, text });
  if (status !== 405 && method !== "OPTIONS") {
    document ??= fetchDocument();
    (await document)(asked, { status, headers, text });
  }
  const body = /json/.test(headers.get("Content-Type") ?? "") && text !== "" ? JSON.parse(text) : {};
  return { status, headers, text, body, job: body.data, problem: body };
}

async function requestOf(method: string, path: string, { as = "parked", json, body, headers }: Call) {
  const sent = new Headers();
  if (as !== null) sent.set("Authorization", `Bearer ${await keyOf(as)}`);
  if (json !== undefined) sent.set("Content-Type", "application/json");
  const given = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  for (const [name] of given) sent.delete(name);
  for (const [name, value] of given) sent.append(name, value);
  const payload = json === undefined ? body : JSON.stringify(json);
  return new Request(ORIGIN + path, {
    method,
    headers: sent,
    redirect: "manual",
    ...(payload === undefined ? {} : { body: payload }),
  });
}

/** Submits a job that must be accepted. */
export async function submit(fields: object = {}, options: Call = {}): Promise<Answer> {
  const json = { type: "rehearsal", input: {}, ...fields };
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
