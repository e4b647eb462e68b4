/**
 * Cursors: where a listing goes on, bound to the tenant and the filter it began with. The mark in them is a checksum,
 * not a secret: a cursor says nothing but a position among the caller's own jobs.
 */

import { fingerprint } from "../lib/hash.ts";
import { isId } from "../lib/id.ts";
import type { Filter, Position } from "../listing/entry.ts";
import { Problem } from "./problems.ts";

const MARK_CHARS = 16;
const SHAPE = /^([0-9a-z]{1,11})\.([a-z0-9_]+)\.([0-9a-f]{16})$/;

/** The cursor that goes on after `position`. */
export async function writeCursor(tenant: string, filter: Filter, position: Position): Promise<string> {
  const { createdAt, id } = position;
  return `${createdAt.toString(36)}.${id}.${await markOf(tenant, filter, position)}`;
}

/** The position of a cursor. Throws `invalid_cursor` unless it was written for this tenant and filter, unchanged. */
export async function readCursor(tenant: string, filter: Filter, cursor: string): Promise<Position> {
  const [, at = "", id = "", mark] = SHAPE.exec(cursor) ?? [];
  const position = { createdAt: Number.parseInt(at, 36), id };
  const isOurs = isId("job", id) && mark === (await markOf(tenant, filter, position));
  if (!isOurs || cursor !== (await writeCursor(tenant, filter, position)))
    throw new Problem("invalid_cursor");
  return position;
}

async function markOf(
  tenant: string,
  { statuses, types, ...rest }: Filter,
  position: Position,
): Promise<string> {
  const asked = { ...rest, statuses: [...statuses].sort(), types: [...types].sort() };
  return (await fingerprint({ tenant, asked, position })).slice(0, MARK_CHARS);
}
