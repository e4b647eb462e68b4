/**
 * The service with a door beside it, by which a benchmark fills the listing of the tenant `acme` with jobs that never
 * were, has one published as a job's object would, and sees what a page costs inside the index object.
 */

import type { Env } from "../../src/env.ts";
import type { JobFilter, JobPosition } from "../../src/rpc/index-entry.ts";
import service, { JobObject, JobIndexObject as RealListing, UniqueKeyObject } from "../../src/worker.ts";
import { entryNumber, TENANT } from "./entries.ts";

export { JobObject, UniqueKeyObject };

/** Jobs numbered from `first`, the very first of which was made at `startAt`. */
export type Filling = { startAt: number; first: number; count: number };

/** A page to be made `times` times in a row. */
export type PageAsked = { filter: JobFilter; after: JobPosition | null; times: number };

/** What one page of 20 was: rows read by the platform's own count. */
export type PageCost = { rowsRead: number; jobs: number };

const LIMIT = 20;

export class JobIndexObject extends RealListing {
  /** All is heard first and then written together, as under load. */
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

/** Everything asked of the database until `stop`, which answers it. */
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

function atTheDoor(what: string, asked: unknown, env: Env): Promise<unknown> {
  const listing = env.JOB_INDEXES.getByName(TENANT) as unknown as JobIndexObject;
  switch (what) {
    case "/bench/fill":
      return listing.fill(asked as Filling);
    case "/bench/publish": {
      const { first, startAt } = asked as Filling;
      return entryNumber(first, startAt).then((entry) => listing.publish(TENANT, entry));
    }
    case "/bench/cost":
      return listing.cost(asked as PageAsked);
    case "/bench/count":
      return listing.count(asked as JobFilter);
    default:
      throw new Error(`There is no ${what}.`);
  }
}

export default {
  ...service,
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/bench/"))
      return Response.json({ value: await atTheDoor(pathname, await request.json(), env) });
    return service.fetch?.(request, env, ctx) ?? new Response(null, { status: 404 });
  },
} satisfies ExportedHandler<Env>;
