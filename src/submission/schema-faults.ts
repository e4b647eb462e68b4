/**
 * Which JSON Schemas a tenant may bring along. A schema is applied to every input of its type, beside other tenants'
 * requests, so no schema may be one that takes long for a small input.
 */

import { valueAt } from "./json-pointer.ts";
import { patternFault } from "./patterns.ts";

type Schema = Record<string, unknown>;

const SCHEMA_BYTES_MAX = 64 * 1024;
const SCHEMA_DEPTH_MAX = 32;

/** How many parts of the schema may be applied to one value, each reference counted with what it stands for. */
const PARTS_MAX = 2_000;

/** With these, what a reference stands for would depend on more than its place in the document. */
const UNSUPPORTED = ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"];

/** Why the schema is not acceptable; empty if it is. */
export function schemaFaults(schema: Schema): string[] {
  if (new TextEncoder().encode(JSON.stringify(schema)).length > SCHEMA_BYTES_MAX)
    return ["A schema has at most 64 KiB."];
  const faults = new Set<string>();
  visit(schema, 1, faults);
  if (faults.size > 0) return [...faults];
  const parts = countParts(schema, schema, new Map(), faults);
  if (parts > PARTS_MAX)
    faults.add("The schema has too many parts. A part counts once for each reference to it.");
  return [...faults];
}

/** Looks at every value of the schema, whatever it means there: a pattern in an example does no harm. */
function visit(value: unknown, depth: number, faults: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > SCHEMA_DEPTH_MAX) {
    faults.add("A schema has at most 32 levels.");
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    for (const fault of keywordFaults(name, part)) faults.add(fault);
    visit(part, depth + 1, faults);
  }
}

function keywordFaults(name: string, part: unknown): string[] {
  if (UNSUPPORTED.includes(name) && typeof part !== "object")
    return [`${name} is not supported. Refer to a part by its place: {"$ref": "#/$defs/name"}.`];
  if (name === "$ref" && typeof part === "string" && !part.startsWith("#/"))
    return ['A $ref names a place in this schema, such as "#/$defs/name".'];
  const isPatterns = name === "patternProperties" && typeof part === "object" && part !== null;
  const patterns = isPatterns ? Object.keys(part) : [];
  if (name === "pattern" && typeof part === "string") patterns.push(part);
  return patterns.flatMap((pattern) => {
    const fault = patternFault(pattern);
    return fault === null ? [] : [`The pattern ${pattern.slice(0, 60)} is not acceptable. ${fault}`];
  });
}

/** The parts below a value, each reference with all that it stands for. `known` has null while a value is being counted. */
function countParts(
  root: Schema,
  value: unknown,
  known: Map<object, number | null>,
  faults: Set<string>,
): number {
  if (typeof value !== "object" || value === null) return 0;
  const before = known.get(value);
  if (before === null) faults.add("A schema must not refer to itself.");
  if (before !== undefined) return before ?? 0;
  known.set(value, null);
  const { $ref } = value as { $ref?: unknown };
  let count = 1;
  if (typeof $ref === "string") {
    const target = valueAt(root, decodeURIComponent($ref.slice(1)));
    if (target === undefined) faults.add(`There is nothing at ${$ref.slice(0, 60)}.`);
    count += countParts(root, target, known, faults);
  }
  for (const part of Object.values(value)) count += countParts(root, part, known, faults);
  known.set(value, count);
  return count;
}
