/** Jobs are counted by the day on which they are purged. */

import { DAY } from "../../core/time.ts";

/** The day on which a finished job is purged, in days since 1970. */
export function purgeDayOf(purgeAt: number): number {
  return Math.ceil(purgeAt / DAY);
}
