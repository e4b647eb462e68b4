/**
 * What a check is: a sentence of the contract or of a standard, and a function that finds out whether a deployment
 * keeps it. A check passes by returning, fails by throwing, and is skipped by throwing `Skipped`.
 */

import { isDeepStrictEqual } from "node:util";
import type { Deployment } from "./deployment.ts";

export type Check = {
  /** Where the sentence stands, such as "contract 4.1" or "RFC 9110 15.5.6". */
  section: string;
  /** The sentence, short. */
  name: string;
  /** Waits for something by its nature, so it is begun before the others. */
  isLong: boolean;
  run(deployment: Deployment): Promise<void>;
};

/** Makes a check of a section, a sentence and the function that tries it. */
export function check(section: string, name: string, run: Check["run"]): Check {
  return { section, name, isLong: false, run };
}

/** As `check`, for one that waits for many seconds. */
export function longCheck(section: string, name: string, run: Check["run"]): Check {
  return { section, name, isLong: true, run };
}

/** Thrown where a deployment cannot be tried, with the reason. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** Thrown where a deployment does not do as it should; the message says what was seen. */
export class Disagreement extends Error {
  override readonly name = "Disagreement";
}

const CHARS_MAX = 600;

/** A value as a message shows it: JSON, cut where nobody would read on. */
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
