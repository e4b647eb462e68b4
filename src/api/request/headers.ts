/** The request headers this service understands, each parsed by the grammar of its standard. */

import { parseItem } from "structured-headers";
import { Problem } from "../problems.ts";

const BARE_KEY = /^[A-Za-z0-9_\-.:~]{1,255}$/;

/**
 * The idempotency key, null without one. Bare, or quoted as an RFC 9651 string whose parameters are ignored;
 * both spellings of a key are the same key. Throws `invalid_idempotency_key` for anything else.
 */
export function parseIdempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  const text = header.trim();
  const key = text.startsWith('"') ? parseQuoted(text) : text;
  const isGood = text.startsWith('"') ? key.length >= 1 && key.length <= 255 : BARE_KEY.test(key);
  if (!isGood) throw new Problem("invalid_idempotency_key");
  return key;
}

function parseQuoted(text: string): string {
  try {
    const [value] = parseItem(text);
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}

/** Without their `W/`: proxies mark tags as weak when they compress. */
type EntityTags = "*" | string[];

function parseEntityTags(header: string): EntityTags {
  if (header.trim() === "*") return "*";
  return [...header.matchAll(/"([^"]*)"/g)].map(([, tag]) => tag ?? "");
}

/** Whether If-None-Match names this tag (RFC 9110 section 13.1.2: weak comparison). */
export function matchesWeakly(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const tags = parseEntityTags(header);
  return tags === "*" || tags.includes(tag);
}

/**
 * The job versions If-Match allows; null allows any. Only the version of a tag is compared, also of one that a proxy
 * has marked as weak: `"4"`, `W/"4"` and `"4.2"` all mean version 4.
 */
export function parseIfMatch(header: string | undefined): number[] | null {
  if (header === undefined) return null;
  const tags = parseEntityTags(header);
  if (tags === "*") return null;
  return tags.flatMap((tag) => {
    const [, version] = /^([1-9]\d{0,14})(?:\.\d{1,15})?$/.exec(tag) ?? [];
    return version === undefined ? [] : [Number(version)];
  });
}
