/**
 * Cursors of the job list, bound to the tenant and the filter. The checksum is no secret: a cursor reveals only a
 * position among the caller's own jobs.
 */

import { fingerprint } from "../../lib/hash.ts";
import { objectIdOf } from "../../lib/id.ts";
import type { JobFilter, JobPosition } from "../../rpc/index-entry.ts";
import { Problem } from "../problems.ts";

const CURSOR_CHECKSUM_CHARS = 16;
const CURSOR_PATTERN = /^([0-9a-z]{1,11})\.(\w{0,64})\.([0-9a-f]{16})$/;

/** The cursor of the page after `position`. */
export async function writeCursor(tenant: string, filter: JobFilter, position: JobPosition): Promise<string> {
  const { createdAt, id } = position;
  return `${createdAt.toString(36)}.${id}.${await cursorChecksum(tenant, filter, position)}`;
}

/** The position of a cursor. Throws `invalid_cursor` unless it was written for this tenant and filter, unchanged. */
export async function readCursor(tenant: string, filter: JobFilter, cursor: string): Promise<JobPosition> {
  const [, at, id = "", mark] = CURSOR_PATTERN.exec(cursor) ?? [];
  if (at === undefined) throw new Problem("invalid_cursor");
  const position = { createdAt: Number.parseInt(at, 36), id };
  const isOurs =
    (id === "" || objectIdOf(id) !== null) && mark === (await cursorChecksum(tenant, filter, position));
  if (!isOurs || cursor !== (await writeCursor(tenant, filter, position)))
    throw new Problem("invalid_cursor");
  return position;
}

async function cursorChecksum(
  tenant: string,
  { statuses, types, ...rest }: JobFilter,
  position: JobPosition,
): Promise<string> {
  const asked = { ...rest, statuses: [...statuses].sort(), types: [...types].sort() };
  return (await fingerprint({ tenant, asked, position })).slice(0, CURSOR_CHECKSUM_CHARS);
}
