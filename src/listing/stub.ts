/** The calls a tenant's listing answers. It is told by jobs and asked by clients, and no job ever waits for it to begin. */

import type { Env } from "../env.ts";
import type { Totals } from "../totals/store.ts";
import type { Entry, Filter, Position } from "./entry.ts";
import type { Page } from "./store.ts";

export type { Page, Totals };

export type ListingApi = {
  /** Takes a job's word for what it is, unless a newer one is known. May be forgotten again: see `confirm`. */
  announce(tenant: string, entry: Entry): Promise<void>;
  /** As `announce`, but resolves only when it is stored. */
  confirm(tenant: string, entry: Entry): Promise<void>;
  /** Takes a job that is about to be deleted out of sight, for good once it is gone, heard of before or not. */
  hide(tenant: string, entry: Entry): Promise<void>;
  /** At most `limit` jobs after a position, newest first; a page may be short and yet not be the last. */
  page(filter: Filter, after: Position | null, limit: number): Promise<Page>;
  /** How many jobs there are of that kind. */
  count(filter: Filter): Promise<number>;
  /** Sums per hour and type, from the hour of `from` up to `to`; epoch milliseconds. */
  totals(from: number, to: number, type: string | null): Promise<Totals[]>;
};

/** A fresh stub of the tenant's listing. */
export function listingObject(env: Env, tenant: string): ListingApi {
  return env.LISTINGS.getByName(tenant) as unknown as ListingApi;
}
