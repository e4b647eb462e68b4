/** Reads the values of query parameters. Which parameters there are, `checkQuery` has found out by then. */

import { type JobStatus, jobStatuses } from "../../core/job.ts";
import { parseTime, TIME_EXAMPLE } from "../../lib/rfc3339.ts";
import type { JobFilter } from "../../rpc/index-entry.ts";
import { Problem } from "../problems.ts";

export const PAGE_DEFAULT = 20;
export const PAGE_MAX = 100;

const METADATA_PREFIX = "metadata[";

export type ListQuery = { filter: JobFilter; limit: number; cursor: string | null };

/** The query of `GET /v1/jobs`. Throws `malformed_request`, naming the parameter. */
export function readListQuery(query: URLSearchParams): ListQuery {
  const metadata = [...query].filter(([name]) => name.startsWith(METADATA_PREFIX) && name.endsWith("]"));
  return {
    filter: {
      statuses: [...new Set(query.getAll("status").map(readStatus))],
      types: [...new Set(query.getAll("type").map(readType))],
      createdAfter: readTime(query, "created_after"),
      createdBefore: readTime(query, "created_before"),
      metadata: Object.fromEntries(
        metadata.map(([name, value]) => [name.slice(METADATA_PREFIX.length, -1), value]),
      ),
    },
    limit: readLimit(query.get("limit")),
    cursor: query.get("cursor"),
  };
}

/** A time as epoch milliseconds; null if it is not given. */
export function readTime(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  return parseTime(text) ?? rejectQuery(`Give ${name} as a time such as ${TIME_EXAMPLE}.`);
}

/** The name of a job type, which need not exist any more: jobs outlive types. */
export function readType(text: string): string {
  return text !== "" ? text : rejectQuery("Give type as the name of a job type.");
}

function readStatus(text: string): JobStatus {
  return (
    jobStatuses.find((status) => status === text) ??
    rejectQuery(`Give status as one of ${jobStatuses.join(", ")}.`)
  );
}

/** The size of a page. */
export function readLimit(text: string | null): number {
  if (text === null) return PAGE_DEFAULT;
  const isCount = /^\d+$/.test(text) && Number(text) > 0;
  return isCount
    ? Math.min(Number(text), PAGE_MAX)
    : rejectQuery("Give limit as a whole number of at least 1.");
}

/** Throws the problem of a wrong query parameter. */
export function rejectQuery(detail: string): never {
  throw new Problem("malformed_request", { detail });
}
