/**
 * Speaks HTTP to the deployment for the checks: every answer is noted for the checks of all answers, and everything
 * that was made is remembered so that it can be removed. Decides nothing about right or wrong.
 */

import { setTimeout as pause } from "node:timers/promises";
import { claim, Disagreement, shown } from "./assertions.ts";
import { isFinished, type Job, type JobEvent, type Problem, type StoredFile } from "./shapes.ts";

/** Longer than any answer may take, the longest wait a client can prefer in these checks included. */
const ANSWER_MS = 40_000;

const POLL_MS = 100;

/** Longer than any job of the checks takes, on a deployment with a queue that is not quite idle. */
const JOB_MS = 40_000;

export type Exchange = {
  method: string;
  url: string;
  /** What the request said of its right to ask. */
  authorization: string | null;
  status: number;
  headers: Headers;
  text: string;
};

export type Ledger = {
  exchanges: Exchange[];
  /** What was made, and by whose key it can be removed. */
  made: { kind: "jobs" | "files"; id: string; key: string }[];
};

export type Request = {
  /** Sent as JSON, with its Content-Type. */
  json?: unknown;
  /** Sent as it is. */
  body?: BodyInit | Uint8Array;
  headers?: Record<string, string> | [string, string][];
  signal?: AbortSignal;
};

export type Answer = {
  status: number;
  headers: Headers;
  text: string;
  bytes: Uint8Array;
  /** The parsed JSON body; null if there is none. */
  json: unknown;
};

export type Client = ReturnType<typeof openClient>;

/** A client of the deployment at `url` with this key; null for one without a key. */
export function openClient(url: string, key: string | null, ledger: Ledger) {
  /** The answer as it begins, its body still to come; noted with the text that `readText` finds. */
  async function open(
    method: string,
    path: string,
    { json, body, headers, signal }: Request,
  ): Promise<Response> {
    const sent = new Headers();
    if (key !== null) sent.set("Authorization", `Bearer ${key}`);
    if (json !== undefined) sent.set("Content-Type", "application/json");
    const given = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
    for (const [name] of given) sent.delete(name);
    for (const [name, value] of given) sent.append(name, value);
    const payload = json === undefined ? body : JSON.stringify(json);
    const late = AbortSignal.timeout(ANSWER_MS);
    return fetch(url + path, {
      method,
      headers: sent,
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, late]) : late,
      ...(payload !== undefined && { body: payload }),
      ...(payload instanceof ReadableStream && { duplex: "half" }),
    } as RequestInit);
  }

  function note(method: string, path: string, { status, headers }: Response, text: string): void {
    const authorization = key === null ? null : `Bearer ${key}`;
    ledger.exchanges.push({ method, url: url + path, authorization, status, headers, text });
  }

  function remember(method: string, path: string, json: unknown): void {
    if (method !== "POST" || key === null) return;
    const { data } = (json ?? {}) as { data?: { id?: string } };
    const kind = /^\/v1\/(jobs|bulk)(\?|$|\/[^/]+\/replay)/.test(path) ? "jobs" : "files";
    if (typeof data?.id === "string" && /^(job|file)_/.test(data.id))
      ledger.made.push({ kind, id: data.id, key });
  }

  /** One request and its whole answer. */
  async function call(method: string, path: string, request: Request = {}): Promise<Answer> {
    const response = await open(method, path, request);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    note(method, path, response, text);
    const isJson = /[/+]json/.test(response.headers.get("Content-Type") ?? "") && text !== "";
    const json = isJson ? parsed(text) : null;
    remember(method, path, json);
    return { status: response.status, headers: response.headers, text, bytes, json };
  }

  /** An answer that goes on: its beginning is noted; the caller reads the body. */
  async function stream(path: string, request: Request = {}): Promise<Response> {
    const response = await open("GET", path, request);
    note("GET", path, response, "");
    return response;
  }

  /** Submits a job that must be accepted. */
  async function submit(type: string, input: unknown, fields: object = {}, headers = {}): Promise<Job> {
    const answer = await call("POST", "/v1/jobs", { json: { type, input, ...fields }, headers });
    return jobOf(answer, 202);
  }

  async function read(id: string): Promise<Job> {
    return jobOf(await call("GET", `/v1/jobs/${id}`), 200);
  }

  /** Reads the job again and again until it is as wanted; throws with what it was, if that takes too long. */
  async function until(id: string, isWanted: (job: Job) => boolean, ms = JOB_MS): Promise<Job> {
    const overAt = Date.now() + ms;
    for (;;) {
      const job = await read(id);
      if (isWanted(job)) return job;
      if (Date.now() > overAt) throw new Disagreement(`after ${ms / 1000} s the job is still ${shown(job)}`);
      await pause(POLL_MS);
    }
  }

  async function upload(body: string | Uint8Array, contentType: string): Promise<StoredFile> {
    const request = { body: body as BodyInit, headers: { "Content-Type": contentType } };
    return dataOf<StoredFile>(await call("POST", "/v1/files", request), 201);
  }

  return {
    url,
    key,
    call,
    stream,
    submit,
    read,
    until,
    upload,
    finished: (id: string) => until(id, isFinished),
    events: async (id: string) => dataOf<JobEvent[]>(await call("GET", `/v1/jobs/${id}/events`), 200),
    cancel: (id: string, request: Request = {}) => call("POST", `/v1/jobs/${id}/cancel`, request),
    /** Submits a simulated job that must be accepted. */
    simulate: (input: object = {}, fields: object = {}) => submit("test.simulate", input, fields),
    /** A simulated job that is far from beginning, and does nothing until it is cancelled. */
    park: (fields: object = {}) =>
      submit("test.simulate", {}, { run_at: new Date(Date.now() + 3_600_000).toISOString(), ...fields }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Disagreement(`the body is said to be JSON and is not: ${shown(text)}`);
  }
}

/** The `data` of an answer that must have this status. */
export function dataOf<Data>({ status, text, json }: Answer, wanted: number): Data {
  claim(status === wanted, `the answer is ${status} instead of ${wanted}: ${shown(text)}`);
  claim(json !== null && typeof json === "object" && "data" in json, `there is no data in ${shown(text)}`);
  return json.data as Data;
}

/** The job an answer must be. */
export function jobOf(answer: Answer, wanted: number): Job {
  return dataOf<Job>(answer, wanted);
}

/** The problem an answer must be, with its code. */
export function problemOf({ status, text, json }: Answer, wanted: number, code?: string): Problem {
  claim(status === wanted, `the answer is ${status} instead of ${wanted}: ${shown(text)}`);
  const problem = (json ?? {}) as Problem;
  claim(code === undefined || problem.code === code, `the code is ${problem.code} instead of ${code}`);
  return problem;
}

/** Throws unless the problem of a 422 points at this field. */
export function pointsAt(answer: Answer, pointer: string): void {
  const { errors = [] } = problemOf(answer, 422, "invalid_request");
  claim(
    errors.some((fault) => fault.pointer === pointer),
    `no fault is at ${pointer}: ${shown(errors)}`,
  );
}
