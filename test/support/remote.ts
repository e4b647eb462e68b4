/** Declares types and queues, and does what a remote worker does, over HTTP. */

import { expect } from "vitest";
import { type Answer, type Call, call, type JobJson, submit } from "./http.ts";

const fresh = (kind: string) => `${kind}-${crypto.randomUUID().slice(0, 8)}`;

/** What a claim answers with. */
export type ClaimedJson = {
  job: {
    id: string;
    type: string;
    input: unknown;
    checkpoint: unknown;
    attempt: number;
    continuation: number;
    max_attempts: number;
  };
  attempt_token: string;
  lease_expires_at: string;
  report_within_ms: number;
  attempt_expires_at: string;
  links: Record<
    "report" | "checkpoint" | "succeed" | "fail" | "continue" | "release" | "acknowledge",
    string
  >;
};

/** Declares a queue of its own with these limits; returns its name. */
export async function declareQueue(limits: object, as: Call["as"] = "parked"): Promise<string> {
  const name = fresh("queue");
  const answer = await call("PUT", `/v1/queues/${name}`, { json: { limits }, as });
  expect(answer.status, answer.text).toBe(201);
  return name;
}

/** A type that takes any object. */
export const anyDefinition = {
  description: "Anything, somewhere else.",
  example: {},
  input_schema: { type: "object" },
  worker: { mode: "pull" },
};

/** Declares a type of its own; returns its name, which is also that of its queue. */
export async function declareType(fields: object = {}): Promise<string> {
  const name = fresh("type");
  const answer = await call("PUT", `/v1/job-types/${name}`, { json: { ...anyDefinition, ...fields } });
  expect(answer.status, answer.text).toBe(201);
  return name;
}

/** Asks for jobs of these types. */
export function claim(types: string[], options: Call & { max_jobs?: number } = {}): Promise<Answer> {
  const { max_jobs, ...call_ } = options;
  const json = { types, worker: { name: "worker-1", version: "7" }, ...(max_jobs && { max_jobs }) };
  return call("POST", "/v1/claims", { json, ...call_ });
}

/** The jobs that a claim gives; it must be accepted. */
export async function claimed(
  types: string[],
  options: Call & { max_jobs?: number } = {},
): Promise<ClaimedJson[]> {
  const answer = await claim(types, options);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data as ClaimedJson[];
}

/** A request with the token of a running attempt. */
export function callAttempt(
  token: string,
  method: string,
  path: string,
  options: Call = {},
): Promise<Answer> {
  const headers = { ...(options.headers as Record<string, string>), Authorization: `Bearer ${token}` };
  return call(method, path, { as: null, ...options, headers });
}

/** A job of a type of its own, whose first attempt runs at a remote worker. */
export async function startRemote(
  fields: object = {},
  submission: object = {},
): Promise<{ type: string; job: JobJson; run: ClaimedJson; token: string }> {
  const type = await declareType(fields);
  const { job } = await submit({ type, ...submission });
  const [run] = await claimed([type]);
  if (!run) throw new Error("There was nothing to claim.");
  return { type, job, run, token: run.attempt_token };
}
