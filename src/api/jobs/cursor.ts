/** Cursors of the job list. */

import { objectIdOf } from "../../lib/id.ts";
import type { JobFilter, JobPosition } from "../../rpc/index-entry.ts";
import { Problem } from "../problems.ts";
import { readCursor, writeCursor } from "../request/cursor.ts";

/** The cursor of the page after `position`. */
export function writeJobCursor(tenant: string, filter: JobFilter, position: JobPosition): Promise<string> {
  return writeCursor(boundTo(tenant, filter), position);
}

/** The position of a cursor. Throws `invalid_cursor` unless it was written for this tenant and filter, unchanged. */
export async function readJobCursor(tenant: string, filter: JobFilter, cursor: string): Promise<JobPosition> {
  const position = await readCursor(boundTo(tenant, filter), cursor);
  if (position.id !== "" && objectIdOf(position.id) === null) throw new Problem("invalid_cursor");
  return position;
}

/** The order in which a filter names statuses and types does not matter. */
function boundTo(tenant: string, { statuses, types, ...rest }: JobFilter): object {
  return { tenant, list: "jobs", ...rest, statuses: [...statuses].sort(), types: [...types].sort() };
}
