/**
 * What a check is: a sentence of the contract or of a standard, and a function that finds out whether a deployment
 * keeps it. A check passes by returning, fails by throwing, and is skipped by throwing `Skipped`.
 */

import type { Deployment } from "./deployment.ts";

export type Check = {
  /** Where the sentence stands, such as "contract 4.1" or "RFC 9110 15.5.6". */
  section: string;
  /** The sentence, short. */
  name: string;
  /** Waits for something by its nature, so it is begun before the others. */
  isLong: boolean;
  /** Checks of one line use something of which a tenant has only one, so they run one after another. */
  line?: string;
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

/** Puts checks in a line of this name. */
export function inLine(line: string, checks: readonly Check[]): Check[] {
  return checks.map((one) => ({ ...one, line }));
}
