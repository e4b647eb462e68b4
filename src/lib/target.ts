/**
 * The targets this service may call for a client: public https names only. http.request and webhooks share the
 * rule. It validates the text of the URL; the platform decides what a public name resolves to, and Workers reach no
 * private address.
 */

/** What a deployment allows, and the hosts it is reached under (each with its port, if it has one). */
export type TargetRules = { allowLocal: boolean; ownHosts: readonly string[] };

/** Marks outgoing calls (RFC 9110 section 7.6.3), so that the service recognizes those that lead back to itself. */
export const VIA = "1.1 accepted";

/** Whether a `Via` header has this service's mark. */
export function isMarked(via: string | null | undefined): boolean {
  return via?.split(",").some((hop) => hop.trim().toLowerCase() === VIA) ?? false;
}

/** No longer URL is called: beyond this, servers differ. */
export const TARGET_CHARS_MAX = 2048;

/**
 * Top-level names that are never public: special use (RFC 6761, 6762, 7686, 8375, 9476), reserved for private use by
 * ICANN (internal), or withheld from delegation because private networks use them.
 */
const PRIVATE_TLDS = new Set(
  "localhost local internal test example invalid onion alt arpa home corp mail lan localdomain intranet private".split(
    " ",
  ),
);

const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1"]);

/** The scheme, then an authority. */
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;
/** What the URL parser would silently repair. */
const REPAIRED = /[\\\s]/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const TLD = /^([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * Null if `text` may be called, else one sentence that says why not. Hosts are compared as the URL parser (WHATWG
 * URL section 3.5) reads them, so octal, hexadecimal, short and full-width spellings of an address are the same.
 */
export function checkTarget(text: string, rules: TargetRules): string | null {
  if (text.length > TARGET_CHARS_MAX)
    return `The URL must not be longer than ${TARGET_CHARS_MAX} characters.`;
  const authority = REPAIRED.test(text) ? undefined : AUTHORITY.exec(text)?.[1];
  const url = authority === undefined ? null : URL.parse(text);
  if (authority === undefined || !url) return "The URL must be an absolute https URL.";
  if (authority.includes("@")) return "The URL must not contain user information.";
  if (rules.ownHosts.some((host) => isOwn(url, host)))
    return "The URL must not point at this service itself.";
  if (rules.allowLocal && url.protocol === "http:" && LOCAL_HOSTS.has(url.hostname)) return null;
  if (url.protocol !== "https:") return "The URL must use https.";
  if (url.port !== "") return "The URL must use port 443.";
  return checkName(url.hostname);
}

function checkName(name: string): string | null {
  if (name.startsWith("[") || IPV4.test(name)) return "The URL must name a host, not an IP address.";
  if (name.endsWith(".")) return "The host name must not end with a dot.";
  const labels = name.split(".");
  const tld = labels.at(-1) ?? "";
  if (labels.length < 2 || PRIVATE_TLDS.has(tld)) return "The host must have a public name.";
  const wellFormed = name.length <= 253 && labels.every((label) => LABEL.test(label)) && TLD.test(tld);
  return wellFormed ? null : "The host name is not a valid public name.";
}

/** Whether the URL leads back here. Both local names are the same machine; elsewhere only port 443 can be meant. */
function isOwn(url: URL, ownHost: string): boolean {
  const own = URL.parse(`${url.protocol}//${ownHost}`);
  if (!own) return false;
  if (LOCAL_HOSTS.has(own.hostname)) return LOCAL_HOSTS.has(url.hostname) && own.port === url.port;
  return own.hostname.replace(/\.$/, "") === url.hostname.replace(/\.$/, "");
}
