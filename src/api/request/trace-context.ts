/** W3C Trace Context: the trace of a request, as it is continued. */

import { hex } from "../../lib/hash.ts";
import { randomBytes } from "../../lib/runtime.ts";

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The flags this version knows: sampled, and random trace id (W3C Trace Context level 2, section 2.2.5). */
const KNOWN_FLAGS = 0b11;

/** The trace that a request belongs to, as it is passed on. */
export type TraceContext = { traceparent: string; tracestate: string | null };

/**
 * Continues the caller's trace (W3C Trace Context) with a span of our own, or begins one. Of a later version the known
 * fields are used (section 3.2.4); version ff is invalid, and so is an id of zeros only.
 */
export function continueTrace(header: string | undefined, state?: string): TraceContext {
  const [, version, traceId = "", parentId = "", flags = "", rest] =
    TRACEPARENT.exec(header?.trim() ?? "") ?? [];
  const isVersion = version !== undefined && version !== "ff" && (version !== "00" || rest === undefined);
  const isContinued = isVersion && !/^0+$/.test(traceId) && !/^0+$/.test(parentId);
  const fresh = hex(randomBytes(24));
  if (!isContinued)
    return { traceparent: `00-${fresh.slice(16)}-${fresh.slice(0, 16)}-01`, tracestate: null };
  const kept = (Number.parseInt(flags, 16) & KNOWN_FLAGS).toString(16).padStart(2, "0");
  return { traceparent: `00-${traceId}-${fresh.slice(0, 16)}-${kept}`, tracestate: readTraceState(state) };
}

const STATE_MEMBERS_MAX = 32;
const STATE_CHARS_MAX = 512;
const STATE_MEMBER_CHARS_MAX = 128;
/** A key, perhaps of a tenant, and a printable value (sections 3.3.1.3.1 and 3.3.1.3.2). */
const STATE_MEMBER =
  /^[a-z0-9][a-z0-9_*/-]{0,240}(@[a-z][a-z0-9_*/-]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

/**
 * The list as it is passed on; null if there is none, or one that breaks the rules, which is discarded whole
 * (section 3.3.1). Of a list above 512 characters the longest members go first, then the oldest (section 3.3.1.5).
 */
function readTraceState(header: string | undefined): string | null {
  const members = (header ?? "")
    .split(",", STATE_MEMBERS_MAX * 4)
    .map((member) => member.trim())
    .filter(Boolean);
  const keys = members.map((member) => member.slice(0, member.indexOf("=")));
  const isValid =
    members.length <= STATE_MEMBERS_MAX &&
    new Set(keys).size === keys.length &&
    members.every((member) => STATE_MEMBER.test(member));
  if (!isValid || members.length === 0) return null;
  const isShort = (list: string[]) => list.join(",").length <= STATE_CHARS_MAX;
  let kept = isShort(members) ? members : members.filter(({ length }) => length <= STATE_MEMBER_CHARS_MAX);
  while (!isShort(kept)) kept = kept.slice(0, -1);
  return kept.length === 0 ? null : kept.join(",");
}
