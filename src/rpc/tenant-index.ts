/**
 * A tenant's job index as one: pages, counts and statistics over its partitions. Partitions may overlap in time, as
 * shards do, or those before and after a change of the layout.
 */

import type { Env } from "../env.ts";
import { indexDirectory } from "./index-directory.ts";
import type { IndexPartition, JobFilter, JobPosition } from "./index-entry.ts";
import { type IndexPage, partitionObject } from "./job-index.ts";
import { type HourStats, sumStats, toHourStats } from "./job-stats.ts";
import type { JobView } from "./views.ts";

/** A page reads at most so many groups of partitions; a filter that matches nothing in them goes on from there. */
const GROUPS_PER_PAGE_MAX = 24;

export type TenantIndex = {
  /** At most `limit` jobs after a position, newest first; a page may be short and yet not be the last. */
  page(filter: JobFilter, after: JobPosition | null, limit: number): Promise<IndexPage>;
  /** How many jobs the filter matches. */
  count(filter: JobFilter): Promise<number>;
  /** Statistics per hour and type, from the hour of `from` up to `to`, oldest first; epoch milliseconds. */
  stats(from: number, to: number, type: string | null): Promise<HourStats[]>;
};

/** The job index of this tenant. */
export function tenantIndex(env: Env, tenant: string): TenantIndex {
  const partition = ({ name }: IndexPartition) => partitionObject(env, tenant, name);
  const directory = () => indexDirectory(env, tenant);

  async function chosen(filter: JobFilter): Promise<IndexPartition[]> {
    const all = await directory().partitions();
    return all.filter(
      ({ from, until }) =>
        until > (filter.createdAfter ?? 0) && from < (filter.createdBefore ?? Number.POSITIVE_INFINITY),
    );
  }

  return {
    async page(filter, after, limit) {
      const left = (await chosen(filter)).filter(({ from }) => after === null || from <= after.createdAt);
      const jobs: JobView[] = [];
      for (const [read, group] of overlapping(left).entries()) {
        const last = jobs.at(-1);
        if (last && jobs.length === limit) return { jobs, next: positionOf(last) };
        if (read === GROUPS_PER_PAGE_MAX) return { jobs, next: { createdAt: group[0].until, id: "" } };
        const wanted = limit - jobs.length;
        const pages = await Promise.all(group.map((one) => partition(one).page(filter, after, wanted)));
        const merged = mergePages(pages, wanted);
        jobs.push(...merged.jobs);
        if (merged.next) return { jobs, next: merged.next };
      }
      return { jobs, next: null };
    },

    async count(filter) {
      const counts = await Promise.all((await chosen(filter)).map((one) => partition(one).count(filter)));
      return counts.reduce((sum, count) => sum + count, 0);
    },

    async stats(from, to, type) {
      const partitions = await directory().partitions();
      const rows = await Promise.all([
        directory().stats(from, to, type),
        ...partitions.map((one) => partition(one).stats(from, to, type)),
      ]);
      return sumStats(rows.flat()).map(toHourStats);
    },
  };
}

type Group = [IndexPartition, ...IndexPartition[]];

/** Groups of partitions that overlap, the newest first. `partitions` are sorted so. */
function overlapping(partitions: readonly IndexPartition[]): Group[] {
  const groups: Group[] = [];
  let from = Number.POSITIVE_INFINITY;
  for (const partition of partitions) {
    if (partition.until > from) groups.at(-1)?.push(partition);
    else groups.push([partition]);
    from = partition.until > from ? Math.min(from, partition.from) : partition.from;
  }
  return groups;
}

/**
 * The first `limit` jobs of several pages. A page that goes on may have jobs older than where it stopped, so nothing
 * older than the newest such place is taken.
 */
function mergePages(pages: readonly IndexPage[], limit: number): IndexPage {
  const [only] = pages;
  if (only && pages.length === 1) return only;
  const [stop] = pages.flatMap(({ next }) => next ?? []).sort(byPosition);
  const jobs = pages
    .flatMap((page) => page.jobs)
    .filter((job) => !stop || byPosition(positionOf(job), stop) <= 0)
    .sort((one, other) => byPosition(positionOf(one), positionOf(other)));
  const last = jobs[limit - 1];
  if (last && jobs.length > limit) return { jobs: jobs.slice(0, limit), next: positionOf(last) };
  return { jobs, next: stop ?? null };
}

function positionOf({ id, created_at }: JobView): JobPosition {
  return { createdAt: Date.parse(created_at), id };
}

/** Negative if `one` comes first in the list: it is newer, or of the same millisecond and has the greater id. */
function byPosition(one: JobPosition, other: JobPosition): number {
  if (one.createdAt !== other.createdAt) return other.createdAt - one.createdAt;
  if (one.id === other.id) return 0;
  return one.id > other.id ? -1 : 1;
}
