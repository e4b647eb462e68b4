/** Several runs of keys made one, read only as far as the result is. Pure, like sorting. */

import type { IndexRowKey } from "../../rpc/index-entry.ts";

/** All keys of all ranges, newest first, if each range is sorted so. */
export function* mergeNewestFirst(
  ranges: readonly Iterator<IndexRowKey, undefined>[],
): Generator<IndexRowKey> {
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

function isNewer(one: IndexRowKey, other: IndexRowKey | undefined): boolean {
  if (!other) return true;
  return one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt;
}
