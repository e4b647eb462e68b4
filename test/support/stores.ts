/** The stores as a job of some tenant sees them, over the real bucket and objects of the test; each test has its own tenant. */

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
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

/** Runs `look` inside the tenant's files object. */
function inFilesObject<T>(tenant: string, look: (state: DurableObjectState) => T | Promise<T>) {
  return runInDurableObject(env.FILE_RECORDS.getByName(tenant), (_, state) => look(state));
}

/** The ids of all records of the tenant's files, complete or not. */
export function recordsOf(tenant: string): Promise<string[]> {
  return inFilesObject(tenant, ({ storage: { sql } }) => {
    const tables = sql.exec("SELECT name FROM sqlite_master WHERE name = 'files'").toArray();
    const rows = tables.length === 0 ? [] : sql.exec("SELECT id FROM files").toArray();
    return rows.map(({ id }) => String(id));
  });
}

/** Runs `look` inside the object of a tenant's dataset. */
export function inDataset<T>(
  tenant: string,
  name: string,
  look: (state: DurableObjectState) => T | Promise<T>,
) {
  return runInDurableObject(env.DATASETS.getByName(`${tenant}/${name}`), (_, state) => look(state));
}

/** The alarm of a tenant's dataset fires until nothing is left to delete. */
export async function sweepDataset(tenant: string, name: string): Promise<void> {
  const stub = env.DATASETS.getByName(`${tenant}/${name}`);
  while (await runDurableObjectAlarm(stub)) {
    const at = await inDataset(tenant, name, ({ storage }) => storage.getAlarm());
    if (at === null || at > Date.now() + 1_000) return;
  }
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
