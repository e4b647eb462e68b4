/**
 * The service with additional routes for the benchmark: they fill the job index of the tenant `acme` with invented jobs,
 * publish one as a job object would, and measure a page inside the index object.
 */

import type { Env } from "../../src/env.ts";
import type { JobFilter, JobPosition } from "../../src/rpc/index-entry.ts";
import { partitionObject } from "../../src/rpc/job-index.ts";
import service, { JobIndexObject as RealJobIndex } from "../../src/worker.ts";
import { entryNumber, MADE_MS_AGO, TENANT } from "./entries.ts";

export {
  DatasetObject,
  FilesObject,
  IndexDirectoryObject,
  JobObject,
  SessionObject,
  UniqueKeyObject,
} from "../../src/worker.ts";

/** Jobs numbered from `first`. Job 0 was made at `startAt`. */
export type Filling = { startAt: number; first: number; count: number };

/** A page that is read `times` times in a row. */
export type PageAsked = { filter: JobFilter; after: JobPosition | null; times: number };

/** The cost of one page of 20; the platform counts the rows read. */
export type PageCost = { rowsRead: number; jobs: number };

const LIMIT = 20;

export class JobIndexObject extends RealJobIndex {
  /** Publishes all entries and waits for one write, as under load. */
  async fill({ startAt, first, count }: Filling): Promise<void> {
    for (let number = first; number < first + count; number += 1)
      void this.publish(TENANT, await entryNumber(number, startAt));
    await this.publishDurably(TENANT, await entryNumber(first, startAt));
  }

  async cost({ filter, after, times }: PageAsked): Promise<PageCost> {
    const cursors = collectCursors(this.ctx.storage.sql);
    const { jobs } = await this.page(filter, after, LIMIT);
    const rowsRead = cursors.stop().reduce((sum, cursor) => sum + cursor.rowsRead, 0);
    for (let time = 1; time < times; time += 1) await this.page(filter, after, LIMIT);
    return { rowsRead, jobs: jobs.length };
  }
}

/** Collects the cursors of all queries until `stop` returns them. */
function collectCursors(sql: SqlStorage) {
  const prototype = Object.getPrototypeOf(sql) as SqlStorage;
  const { exec } = prototype;
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  prototype.exec = function collecting(this: SqlStorage, ...asked) {
    const cursor = exec.apply(this, asked);
    cursors.push(cursor);
    return cursor as ReturnType<typeof exec>;
  } as typeof exec;
  return {
    stop() {
      prototype.exec = exec;
      return cursors;
    },
  };
}

function callIndex(what: string, asked: unknown, env: Env): Promise<unknown> {
  // The benchmark's jobs were all made an hour ago, within two minutes.
  const month = new Date(Date.now() - MADE_MS_AGO).toISOString().slice(0, 7);
  const index = partitionObject(env, TENANT, `${month}/0`) as unknown as JobIndexObject;
  switch (what) {
    case "/bench/fill":
      return index.fill(asked as Filling);
    case "/bench/publish": {
      const { first, startAt } = asked as Filling;
      return entryNumber(first, startAt).then((entry) => index.publish(TENANT, entry));
    }
    case "/bench/cost":
      return index.cost(asked as PageAsked);
    case "/bench/count":
      return index.count(asked as JobFilter);
    default:
      throw new Error(`There is no ${what}.`);
  }
}

export default {
  ...service,
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/bench/"))
      return Response.json({ value: await callIndex(pathname, await request.json(), env) });
    return service.fetch?.(request, env, ctx) ?? new Response(null, { status: 404 });
  },
} satisfies ExportedHandler<Env>;
