/** The Prefer header (RFC 7240 section 2), as far as this service knows it: `wait`. */

/** A connection is held at most this long. Proxies and load balancers often give up after 60 s. */
export const WAIT_SECONDS_MAX = 55;

/**
 * The seconds a client is willing to wait, at most 55; null if it did not say so understandably.
 * Several header lines come as one, joined by commas; of several `wait` the first counts.
 */
export function parseWait(header: string | undefined): number | null {
  for (const preference of splitOutsideQuotes(header ?? "")) {
    const [said = ""] = preference.split(";");
    const [name = "", ...value] = said.split("=");
    if (name.trim().toLowerCase() !== "wait") continue;
    const seconds = unquoted(value.join("=").trim());
    return /^\d+$/.test(seconds) ? Math.min(Number(seconds), WAIT_SECONDS_MAX) : null;
  }
  return null;
}

/** An unclosed quote extends to the end, so the pattern matches each character once. */
function splitOutsideQuotes(header: string): string[] {
  return header.match(/(?:"(?:[^"\\]|\\.?)*(?:"|$)|[^,"])+/gs) ?? [];
}

/** A quoted-string (RFC 9110 section 5.6.4) without its quotes and escapes; anything else as it is. */
function unquoted(text: string): string {
  const [, inside] = /^"(.*)"$/s.exec(text) ?? [];
  return inside === undefined ? text : inside.replace(/\\(.)/gs, "$1");
}
