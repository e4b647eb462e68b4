/** A world in words: what went wrong in it, what was broken, what happened last, and how to see it again. */

import type { Result } from "./simulate.ts";

/** Some lines of text; the trace is in it as far as it was recorded. */
export function tell({ seed, faults, trace, hash, broken }: Result): string {
  const ending = broken ? `${broken.promise}: ${broken.how}` : "no promise was broken";
  return [
    `seed ${seed}, faults: ${faults}`,
    ...trace,
    `seed ${seed}, hash ${hash}: ${ending}`,
    `replay: npm run simulate -- --seed ${seed}`,
  ].join("\n");
}
