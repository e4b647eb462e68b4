/** The demo's client: plain fetch against the contract, with every exchange worth seeing shown. */

import { setTimeout as pause } from "node:timers/promises";
import type { JobView } from "../../src/rpc/views.ts";
import { exchange, openBar } from "./terminal.ts";

export type Job = JobView;
export type Answer<Data> = { status: number; headers: Headers; text: string; data: Data };

const POLL_MS = 150;

/** Nothing in the demo takes so long unless something is wrong. */
const PATIENCE_MS = 20_000;

export type DemoClient = ReturnType<typeof openDemoClient>;

/** Speaks to the service at `url` with this API key. */
export function openDemoClient(url: string, key: string) {
  async function call<Data>(method: string, path: string, init: RequestInit = {}): Promise<Answer<Data>> {
    const response = await fetch(`${url}${path}`, {
      ...init,
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...init.headers },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.includes("json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      data: isJson && JSON.parse(text).data,
    };
  }

  /** Stores a CSV file and answers its id. Throws if it was not taken. */
  async function upload(csv: string | Uint8Array): Promise<string> {
    const init = { body: csv as BodyInit, headers: { "Content-Type": "text/csv; charset=utf-8" } };
    const { status, text, data } = await call<{ id: string; size: number }>("POST", "/v1/files", init);
    if (status !== 201) throw new Error(`POST /v1/files answered ${status}: ${text}`);
    exchange("POST /v1/files", status, `${data.id}, ${data.size.toLocaleString("en")} bytes`);
    return data.id;
  }

  /** Submits a job. Throws if it was not accepted. */
  async function submit(type: string, input: object, headers: Record<string, string> = {}) {
    const answer = await call<Job>("POST", "/v1/jobs", { body: JSON.stringify({ type, input }), headers });
    if (answer.status !== 202) throw new Error(`POST /v1/jobs answered ${answer.status}: ${answer.text}`);
    const replayed = answer.headers.has("Idempotent-Replayed") ? ", Idempotent-Replayed: true" : "";
    exchange(`POST /v1/jobs  ${type}`, answer.status, `${answer.data.id}, ${answer.data.status}${replayed}`);
    return answer.data;
  }

  async function read(id: string): Promise<Job> {
    return (await call<Job>("GET", `/v1/jobs/${id}`)).data;
  }

  /** Polls, with a bar, until the job is as wanted. Throws if it takes too long. */
  async function follow(id: string, isWanted: (job: Job) => boolean): Promise<Job> {
    const bar = openBar();
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const job = await read(id);
      if (job.progress) bar.draw(job.progress.percent ?? 0, noteOf(job));
      if (isWanted(job)) {
        bar.done();
        exchange(`GET /v1/jobs/${id}`, 200, stateOf(job));
        return job;
      }
      if (Date.now() > until) throw new Error(`${id} is still ${stateOf(job)}`);
      await pause(POLL_MS);
    }
  }

  const finish = (id: string) => follow(id, ({ status }) => status !== "queued" && status !== "running");

  return { call, upload, submit, read, follow, finish };
}

function stateOf({ status, status_reason, attempt, max_attempts }: Job): string {
  const reason = status_reason === null ? "" : ` (${status_reason})`;
  return `${status}${reason}, attempt ${attempt} of ${max_attempts}`;
}

function noteOf({ progress }: Job): string {
  const { current, total, unit, stage, message } = progress ?? {};
  const amount = current === null || total === null ? null : `${current} of ${total} ${unit ?? ""}`;
  return [message ?? amount, stage].filter(Boolean).join(", ");
}
