/**
 * A client of a service that dies again and again: it asks until there is an answer, with the same key, for a broken
 * connection says nothing about what was done.
 */

import { setTimeout as pause } from "node:timers/promises";
import type { EventView, JobView } from "../../src/rpc/views.ts";

export type Answer<Data> = {
  status: number;
  headers: Headers;
  text: string;
  data: Data;
  deduplicated: string | null;
};
export type Client = ReturnType<typeof openInsistentClient>;

/** Longer than an answer takes, shorter than a restart. */
const ANSWER_MS = 10_000;

/** After so long without an answer the service is not down for a moment but broken. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 100;
/** Wait after a 429: the limit of a key counts by minute. */
const LIMITED_MS = 2_000;

export const isFinished = ({ status }: JobView) => status !== "queued" && status !== "running";

/** Speaks to the service at `url` with this key. */
export function openInsistentClient(url: string, key: string) {
  async function once<Data>(method: string, path: string, body: unknown, headers: Record<string, string>) {
    const isRaw = typeof body === "string";
    const response = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...headers },
      ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.status >= 500) throw new Error(`${method} ${path} is answered ${response.status}: ${text}`);
    const json =
      text !== "" && /json/.test(response.headers.get("Content-Type") ?? "") ? JSON.parse(text) : {};
    const answer: Answer<Data> = {
      status: response.status,
      headers: response.headers,
      text,
      data: json.data,
      deduplicated: json.deduplicated ?? null,
    };
    return answer;
  }

  /** The answer, however often it takes to get one. Rejects only if there is none for a minute, limits apart. */
  async function ask<Data>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Data>> {
    for (const overAt = Date.now() + PATIENCE_MS; ; await pause(AGAIN_MS)) {
      try {
        const answer = await once<Data>(method, path, body, headers);
        if (answer.status !== 429) return answer;
        await pause(LIMITED_MS);
      } catch (error) {
        if (Date.now() > overAt) throw error;
      }
    }
  }

  return {
    ask,
    /** The job as it is now; null if it is not found. */
    async read(id: string): Promise<JobView | null> {
      const { status, data } = await ask<JobView>("GET", `/v1/jobs/${id}`);
      return status === 200 ? data : null;
    },
    events: async (id: string) => (await ask<EventView[]>("GET", `/v1/jobs/${id}/events`)).data ?? [],
    /** All jobs of the tenant by the listing, newest first. */
    async list(): Promise<JobView[]> {
      const jobs: JobView[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const from: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const { data, text } = await ask<JobView[]>("GET", `/v1/jobs?limit=100${from}`);
        jobs.push(...data);
        cursor = (JSON.parse(text) as { next_cursor: string | null }).next_cursor;
      }
      return jobs;
    },
  };
}
