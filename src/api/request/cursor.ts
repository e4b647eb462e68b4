/**
 * Cursors of lists by time, bound to what is listed. The checksum is no secret: a cursor reveals only a position among
 * the caller's own things.
 */

import { fingerprint } from "../../lib/hash.ts";
import { Problem } from "../problems.ts";

/** Where a page ended. */
type Position = { createdAt: number; id: string };

const CURSOR_CHECKSUM_CHARS = 16;
const CURSOR_PATTERN = /^([0-9a-z]{1,11})\.(\w{0,64})\.([0-9a-f]{16})$/;

/** The cursor of the page after `position`. `bound` is what the list shows: the tenant and the filter. */
export async function writeCursor(bound: object, { createdAt, id }: Position): Promise<string> {
  return `${createdAt.toString(36)}.${id}.${await cursorChecksum(bound, { createdAt, id })}`;
}

/** The position of a cursor. Throws `invalid_cursor` unless it was written for this list, unchanged. */
export async function readCursor(bound: object, cursor: string): Promise<Position> {
  const [, at, id = ""] = CURSOR_PATTERN.exec(cursor) ?? [];
  if (at === undefined) throw new Problem("invalid_cursor");
  const position = { createdAt: Number.parseInt(at, 36), id };
  if (cursor !== (await writeCursor(bound, position))) throw new Problem("invalid_cursor");
  return position;
}

async function cursorChecksum(bound: object, position: Position): Promise<string> {
  return (await fingerprint({ bound, position })).slice(0, CURSOR_CHECKSUM_CHARS);
}
