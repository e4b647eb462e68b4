/**
 * Parses JSON so that nothing is lost: what RFC 8259 leaves open and RFC 7493 (I-JSON) excludes is refused, and so
 * is what is too deep or too large to be read by anything recursive.
 */

import { isExactNumber } from "../../lib/exact-number.ts";
import { type FieldError, toPointer } from "../../submission/field-errors.ts";
import { Problem } from "../problems.ts";

/** Beyond any legitimate request. */
const DEPTH_MAX = 64;
const ITEMS_MAX = 10_000;

/** A longer list of errors helps no client. */
export const FIELD_ERRORS_MAX = 1_000;

/** A number with at most 15 digits and without an exponent always survives (DBL_DIG), so most texts need no second look. */
const SUSPECT_NUMBER = /\d[\d.]{15}|\d[eE]/;

/** Stands for a number that a double cannot hold. */
class InexactNumber {}

/** Where a value stands in the body: the way up to the root. */
type Node = { value: unknown; depth: number; key: string; parent: Node | null };

/** The value of a JSON text. Throws `malformed_request`; inexact numbers are listed with their pointers. */
export function parseJson(text: string): unknown {
  const value = parse(text);
  const errors: FieldError[] = [];
  let members = 0;
  const pending: Node[] = [{ value, depth: 1, key: "", parent: null }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value: current, depth } = next;
    if (current instanceof InexactNumber) {
      errors.push({ pointer: toPointer(pathOf(next)), detail: "A double cannot hold it; send a string." });
    } else if (typeof current === "object" && current !== null) {
      if (depth > DEPTH_MAX) rejectBody(`The body is nested deeper than ${DEPTH_MAX} levels.`);
      const entries = Object.entries(current);
      if (entries.length > ITEMS_MAX)
        rejectBody(`The body has a list or object of more than ${ITEMS_MAX} items.`);
      if (!Array.isArray(current)) members += assertKeys(entries);
      for (const [key, child] of entries) pending.push({ value: child, depth: depth + 1, key, parent: next });
    } else assertIJson(current);
  }
  if (members !== countMembers(text))
    rejectBody("An object of the body has a key twice. Name each key once.");
  if (errors.length > 0) rejectNumbers(errors);
  return value;
}

function parse(text: string): unknown {
  try {
    return SUSPECT_NUMBER.test(text) ? JSON.parse(text, markInexact) : JSON.parse(text);
  } catch {
    return rejectBody("The body is not well-formed JSON in UTF-8.");
  }
}

function markInexact(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  return isExactNumber(context.source) ? value : new InexactNumber();
}

/** `JSON.parse` keeps the last of several members with one name, so fewer members than colons give them away. */
function countMembers(text: string): number {
  let colons = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (isInString && char === BACKSLASH) at += 1;
    else if (char === QUOTE) isInString = !isInString;
    else if (char === COLON && !isInString) colons += 1;
  }
  return colons;
}

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

function assertKeys(entries: [string, unknown][]): number {
  for (const [key] of entries) {
    if (key === "__proto__") rejectBody("The body has a key named __proto__.");
    assertIJson(key);
  }
  return entries.length;
}

/** What I-JSON (RFC 7493 section 2.1) leaves out cannot be compared as canonical JSON. */
function assertIJson(value: unknown): void {
  if (typeof value === "string" && !value.isWellFormed())
    rejectBody("The body has half of a surrogate pair in a string.");
}

function pathOf(node: Node): string[] {
  const path: string[] = [];
  for (let at: Node = node; at.parent; at = at.parent) path.unshift(at.key);
  return path;
}

function rejectNumbers(errors: FieldError[]): never {
  throw new Problem("malformed_request", {
    detail: "The body has a number that would lose its value. Send it as a string.",
    members: { errors: errors.slice(0, FIELD_ERRORS_MAX).reverse() },
  });
}

function rejectBody(detail: string): never {
  throw new Problem("malformed_request", { detail });
}
