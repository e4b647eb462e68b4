/** Cache headers that several resources share. */

/** For answers that no one else may see, or that are outdated soon. */
export const NO_STORE = { "Cache-Control": "no-store" };
