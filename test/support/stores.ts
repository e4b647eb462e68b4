/** The stores as a job of some tenant sees them, over the real R2 and D1 of the test; each test has its own tenant. */

import { env as testEnv } from "cloudflare:workers";
import { jobDatasets } from "../../src/datasets/store.ts";
import type { Env } from "../../src/env.ts";
import { FileStore, jobFiles } from "../../src/files/store.ts";
import { randomId } from "../../src/lib/id.ts";

export const env = testEnv as unknown as Env;

/** A tenant of its own, with the two stores bound to one of its jobs. */
export function newTenant() {
  const tenant = randomId("tenant");
  const jobId = randomId("job");
  const store = new FileStore(env);
  return {
    tenant,
    jobId,
    store,
    files: jobFiles(store, tenant, jobId),
    datasets: jobDatasets(env, tenant, jobId),
  };
}

export async function* chunked(content: string | Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** All items of a source. */
export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** The text of a stored file. */
export async function textOf(files: ReturnType<typeof newTenant>["files"], id: string): Promise<string> {
  const opened = await files.open(id);
  if (!opened) throw new Error(`no file ${id}`);
  return new Response(opened.body).text();
}
