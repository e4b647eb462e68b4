/** Reads query parameters: each must be known, well-formed and not repeated unless it may be. */

import { z } from "zod";
import { type JobStatus, jobStatuses } from "../../core/job.ts";
import type { JobFilter } from "../../rpc/index-entry.ts";
import { Problem } from "../problems.ts";

export const PAGE_DEFAULT = 20;
export const PAGE_MAX = 100;

const METADATA_PREFIX = "metadata.";

/** RFC 3339 section 5.6, to the millisecond or coarser. */
const TIME_PATTERN = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

export type ListQuery = { filter: JobFilter; limit: number; cursor: string | null };

/** The query of `GET /v1/jobs`. Throws `malformed_request`, naming the parameter. */
export function readListQuery(query: URLSearchParams): ListQuery {
  const isKnown = (name: string) =>
    ["status", "type", "created_after", "created_before", "limit", "cursor"].includes(name) ||
    (name.startsWith(METADATA_PREFIX) && name.length > METADATA_PREFIX.length);
  rejectUnknown(query, isKnown, ["status", "type"]);
  const metadata = [...query].filter(([name]) => name.startsWith(METADATA_PREFIX));
  return {
    filter: {
      statuses: [...new Set(query.getAll("status").map(readStatus))],
      types: [...new Set(query.getAll("type").map(readType))],
      createdAfter: readTime(query, "created_after"),
      createdBefore: readTime(query, "created_before"),
      metadata: Object.fromEntries(
        metadata.map(([name, value]) => [name.slice(METADATA_PREFIX.length), value]),
      ),
    },
    limit: readLimit(query.get("limit")),
    cursor: query.get("cursor"),
  };
}

/** Rejects unknown parameters, and second values of those that have one. */
export function rejectUnknown(
  query: URLSearchParams,
  isKnown: (name: string) => boolean,
  repeatable: readonly string[] = [],
): void {
  for (const name of new Set(query.keys())) {
    if (!isKnown(name)) rejectQuery(`There is no query parameter ${JSON.stringify(name.slice(0, 50))}.`);
    if (query.getAll(name).length > 1 && !repeatable.includes(name)) rejectQuery(`Give ${name} once.`);
  }
}

/** A time as epoch milliseconds; null if it is not given. */
export function readTime(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  // Date.parse alone accepts February 30 as March 2.
  const isTime = TIME_PATTERN.test(text) && z.iso.date().safeParse(text.slice(0, 10)).success;
  const at = isTime ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? rejectQuery(`Give ${name} as a time such as 2026-11-22T12:00:00.000Z.`) : at;
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

function readLimit(text: string | null): number {
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
