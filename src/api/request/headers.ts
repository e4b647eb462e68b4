/** The request headers this service understands, each parsed by the grammar of its standard. */

import { parseItem } from "structured-headers";
import { hex } from "../../lib/hash.ts";
import { randomBytes } from "../../lib/runtime.ts";
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

type EntityTags = "*" | { tag: string; isWeak: boolean }[];

function parseEntityTags(header: string): EntityTags {
  if (header.trim() === "*") return "*";
  return [...header.matchAll(/(W\/)?"([^"]*)"/g)].map(([, weak, tag]) => ({
    tag: tag ?? "",
    isWeak: weak !== undefined,
  }));
}

/** Whether If-None-Match names this tag (RFC 9110 section 13.1.2: weak comparison). */
export function matchesWeakly(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const tags = parseEntityTags(header);
  return tags === "*" || tags.some((given) => given.tag === tag);
}

/** The job versions If-Match allows (RFC 9110 section 13.1.1: strong comparison); null allows any. */
export function parseIfMatch(header: string | undefined): number[] | null {
  if (header === undefined) return null;
  const tags = parseEntityTags(header);
  if (tags === "*") return null;
  return tags
    .filter(({ tag, isWeak }) => !isWeak && /^[1-9][0-9]{0,14}$/.test(tag))
    .map(({ tag }) => Number(tag));
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Continues the caller's trace (W3C Trace Context) with a span of our own, or begins one. */
export function continueTrace(header: string | undefined): string {
  const [, traceId, parentId, flags] = header?.match(TRACEPARENT) ?? [];
  const isGood = traceId && parentId && !/^0+$/.test(traceId) && !/^0+$/.test(parentId);
  const fresh = hex(randomBytes(24));
  const trace = isGood ? traceId : fresh.slice(16);
  return `00-${trace}-${fresh.slice(0, 16)}-${isGood ? flags : "01"}`;
}
