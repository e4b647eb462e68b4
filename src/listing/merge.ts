/** Several runs of keys made one, read only as far as the result is. Pure, like sorting. */

import type { Key } from "./entry.ts";

/** All keys of all ranges, newest first, if each range by itself is so. */
export function* newestFirst(ranges: readonly Iterator<Key, undefined>[]): Generator<Key> {
  const heads = ranges.map((range) => range.next());
  for (;;) {
    const first = heads.reduce(
      (best, { value }, at) => (value && isNewer(value, heads[best]?.value) ? at : best),
      0,
    );
    const key = heads[first]?.value;
    const rest = ranges[first];
    if (!key || !rest) return;
    yield key;
    heads[first] = rest.next();
  }
}

function isNewer(one: Key, other: Key | undefined): boolean {
  if (!other) return true;
  return one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt;
}
