/** A world in words: what went wrong in it, what was broken, what happened last, and how to see it again. */

import { type Result, SMALL } from "./simulate.ts";

/** Some lines of text; the trace is in it as far as it was recorded. */
export function describeRun({ seed, size, faults, trace, hash, violation }: Result): string {
  const ending = violation ? `${violation.invariant}: ${violation.message}` : "no promise was broken";
  const { clients, jobs, minutes } = size;
  const isUsual = clients === SMALL.clients && jobs === SMALL.jobs && minutes === SMALL.minutes;
  const larger = isUsual ? "" : ` --clients ${clients} --jobs ${jobs} --minutes ${minutes}`;
  return [
    `seed ${seed}, faults: ${faults}`,
    ...trace,
    `seed ${seed}, hash ${hash}: ${ending}`,
    `replay: npm run simulate -- --seed ${seed}${larger}`,
  ].join("\n");
}
