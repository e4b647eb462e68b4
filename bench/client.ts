/** A client of the local service, which runs as in `npm start` on its own storage. Benchmarks of whole jobs use it. */

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Service, startService } from "../scripts/service.ts";
import type { JobView } from "../src/rpc/views.ts";

const MEMORY = "/dev/shm";

/** No measured job takes longer unless it is stuck. */
const TIMEOUT_MS = 300_000;

export type Client = ReturnType<typeof openClient>;

/** Starts the service, runs `use`, and always stops it and deletes its storage. */
export async function withService<T>(use: (service: Service) => Promise<T>): Promise<T> {
  return inMemory(async (stateDir) => {
    const service = await startService({ stateDir });
    return use(service).finally(() => service.stop());
  });
}

/** Runs `use` with a folder in memory (tmpfs), so that no disk is measured. Always deletes the folder. */
export async function inMemory<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(MEMORY, "accepted-bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sends requests with one key. Rejects if an answer is not a success. */
export function openClient(url: string, key: string) {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };

  async function ask(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(url + path, { method, headers, ...init });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async function call(method: string, path: string, body?: object): Promise<JobView> {
    const answer = await ask(method, path, body && { body: JSON.stringify(body) });
    return ((await answer.json()) as { data: JobView }).data;
  }

  return {
    headers,
    ask,
    call,
    submit: (type: string, input: object) => call("POST", "/v1/jobs", { type, input }),
    /** Polls the job every `everyMs` until the condition holds, and returns it. */
    async until(id: string, is: (job: JobView) => boolean, everyMs: number): Promise<JobView> {
      for (const since = performance.now(); performance.now() - since < TIMEOUT_MS; await pause(everyMs)) {
        const job = await call("GET", `/v1/jobs/${id}`);
        if (is(job)) return job;
      }
      throw new Error(`Job ${id} did not reach the awaited state.`);
    },
  };
}

/** Runs `act` for each item, `atOnce` at a time. Returns the results in the order of the items. */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const hands = Array.from({ length: atOnce }, async () => {
    for (const [index, item] of queue) results[index] = await act(item);
  });
  await Promise.all(hands);
  return results;
}
