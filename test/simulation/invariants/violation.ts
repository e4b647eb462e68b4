/** A promise that was broken, by its name. */

export class Violation extends Error {
  override readonly name = "Violation";
}

/** Throws unless `condition` holds. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Violation(message);
}
