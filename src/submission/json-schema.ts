/** Applies a JSON Schema to a value, and says what is wrong with it. */

import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import type { FieldError } from "./field-errors.ts";

/** What the input lacks to be valid; pointers are those into it. */
export function schemaErrors(schema: Record<string, unknown>, input: unknown): FieldError[] {
  const { valid, errors } = new Validator(schema as Schema, "2020-12", false).validate(input);
  if (valid) return [];
  const found = errors.filter(({ keyword }) => !wrappers.has(keyword)).map(toFieldError);
  return found.length > 0 ? found : [{ pointer: "#", detail: "The input does not match the schema." }];
}

/** These only say that something below is wrong, and what is below says it better. */
const wrappers = new Set([
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "items",
  "prefixItems",
  "$ref",
]);

function toFieldError({ instanceLocation, keyword, error }: OutputUnit): FieldError {
  if (keyword === "false") return { pointer: instanceLocation, detail: "There is no such field." };
  const missing = keyword === "required" ? /property "(.*)"/s.exec(error)?.[1] : undefined;
  if (missing === undefined) return { pointer: instanceLocation, detail: error };
  const step = encodeURIComponent(missing.replaceAll("~", "~0").replaceAll("/", "~1"));
  return { pointer: `${instanceLocation}/${step}`, detail: "This field is required." };
}
