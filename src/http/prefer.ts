/** The Prefer header (RFC 7240 section 2), as far as this service knows it: `wait`. */

/** A connection is held at most this long. */
export const WAIT_SECONDS_MAX = 60;

/** One preference: a token, perhaps a value, perhaps parameters, which `wait` does not have. */
const PREFERENCE =
  /^\s*([!#$%&'*+.^`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^`|~\w-]*)))?\s*(?:;.*)?$/s;

/**
 * The seconds a client is willing to wait, at most 60; null if it did not say so understandably.
 * Several header lines come as one, joined by commas; of several `wait` the first counts.
 */
export function parseWait(header: string | undefined): number | null {
  if (header === undefined) return null;
  for (const part of splitOutsideQuotes(header)) {
    const [, name, quoted, bare] = part.match(PREFERENCE) ?? [];
    if (name?.toLowerCase() !== "wait") continue;
    const value = quoted ?? bare ?? "";
    return /^\d{1,9}$/.test(value) ? Math.min(Number(value), WAIT_SECONDS_MAX) : null;
  }
  return null;
}

function splitOutsideQuotes(header: string): string[] {
  return header.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
}
