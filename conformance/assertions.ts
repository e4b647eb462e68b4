/** How a check says what it found: assertions, and the errors that end a check. */

import { isDeepStrictEqual } from "node:util";

/** Thrown where a deployment cannot be tried, with the reason. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** Thrown where a deployment does not do as it should; the message says what was seen. */
export class Disagreement extends Error {
  override readonly name = "Disagreement";
}

const CHARS_MAX = 600;

/** A value as a message shows it: JSON, cut to a readable length. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > CHARS_MAX ? `${text.slice(0, CHARS_MAX)}…` : text;
}

/** Throws a disagreement unless `condition` holds; `what` says in words what was seen. */
export function claim(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Disagreement(what);
}

/** Throws unless both are deeply equal. */
export function equal(seen: unknown, wanted: unknown, what: string): void {
  claim(isDeepStrictEqual(seen, wanted), `${what} is ${shown(seen)} instead of ${shown(wanted)}`);
}

/** Throws unless the text matches. */
export function matches(seen: string | null | undefined, pattern: RegExp, what: string): void {
  claim(
    seen !== null && seen !== undefined && pattern.test(seen),
    `${what} is ${shown(seen)}, not ${pattern}`,
  );
}
