/** A client as anybody would write it with fetch: posts, polls, waits. Knows no more than the contract. */

import { vi } from "vitest";
import type { EventView, JobView } from "../../src/rpc/views.ts";

export type Job = JobView;
export type Answer<Data> = { status: number; headers: Headers; text: string; data: Data };
export type Client = ReturnType<typeof openClient>;

const POLL_MS = 100;
const WAIT_MS = 20_000;
/** Longer than any answer takes, shorter than a test. */
const ANSWER_MS = 10_000;

export const isFinished = ({ status }: Job) => status !== "queued" && status !== "running";

/** Speaks to the service at `url` with this API key. */
export function openClient(url: string, key: string) {
  /** One request. An object is sent as JSON, text and bytes as they are; `data` is the answer's, if it has any. */
  async function call<Data = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Data>> {
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(`${url}${path}`, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...headers },
      ...(body !== undefined && { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.includes("json");
    const data = isJson && text !== "" ? JSON.parse(text).data : undefined;
    return { status: response.status, headers: response.headers, text, data };
  }

  /** The job as it is now. Throws if it could not be read. */
  async function read(id: string): Promise<Job> {
    const { status, text, data } = await call<Job>("GET", `/v1/jobs/${id}`);
    if (status !== 200) throw new Error(`not read: ${status} ${text}`);
    return data;
  }

  /** Submits a job and answers its id. Throws unless it was accepted. */
  async function submit(request: object, headers: Record<string, string> = {}): Promise<string> {
    const { status, text, data } = await call<Job>("POST", "/v1/jobs", request, headers);
    if (status !== 202) throw new Error(`not accepted: ${status} ${text}`);
    return data.id;
  }

  /** Polls until the job is as wanted. Throws with the job as it was last, if that takes too long. */
  async function waitUntil(id: string, isWanted: (job: Job) => boolean, timeout = WAIT_MS): Promise<Job> {
    const look = async () => {
      const job = await read(id);
      if (!isWanted(job)) throw new Error(`still waiting for ${JSON.stringify(job)}`);
      return job;
    };
    return vi.waitFor(look, { interval: POLL_MS, timeout });
  }

  return {
    call,
    read,
    submit,
    waitUntil,
    finished: (id: string, timeout?: number) => waitUntil(id, isFinished, timeout),
    cancel: (id: string) => call<Job>("POST", `/v1/jobs/${id}/cancel`),
    events: async (id: string) => (await call<EventView[]>("GET", `/v1/jobs/${id}/events`)).data,
    /** Submits a simulated job with this input. */
    simulate: (input: object, request: object = {}) => submit({ type: "test.simulate", input, ...request }),
  };
}
