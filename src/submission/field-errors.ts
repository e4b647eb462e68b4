/** Errors of single fields, as a 422 lists them. */

import type { z } from "zod";

/** `pointer` is a JSON pointer as a URI fragment (RFC 6901 section 6); `detail` says what to send instead. */
export type FieldError = { pointer: string; detail: string };

/** Every error that zod found, below `base`; each unknown field gets its own. */
export function toFieldErrors(error: z.ZodError, base: PropertyKey[] = []): FieldError[] {
  return error.issues.flatMap((issue) => {
    const path = [...base, ...issue.path];
    if (issue.code !== "unrecognized_keys")
      return [{ pointer: toPointer(path), detail: toSentence(issue.message) }];
    return issue.keys.map((key) => ({
      pointer: toPointer([...path, key]),
      detail: "There is no such field.",
    }));
  });
}

/** The pointer to a path: `#/input/file`. */
export function toPointer(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => String(step).replaceAll("~", "~0").replaceAll("/", "~1"));
  return `#${steps.map((step) => `/${encodeURIComponent(step)}`).join("")}`;
}

function toSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
