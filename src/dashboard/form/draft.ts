/** The text of a submission while it is written: its first content, and a stored file's id put into it. Pure. */

import type { TypeView } from "../api.ts";

/** The body of `POST /v1/jobs` with the type's example. */
export function exampleBody({ type, example }: TypeView): string {
  return JSON.stringify({ type, input: example }, null, 2);
}

/** The body with `id` at the field of its input that takes a file; null if there is no such field or it is no JSON object. */
export function withFileId(body: string, { input_schema }: TypeView, id: string): string | null {
  const field = fileField(input_schema);
  const parsed = parseObject(body);
  if (field === null || !parsed) return null;
  const { input } = parsed;
  const fields = typeof input === "object" && input !== null ? input : {};
  return JSON.stringify({ ...parsed, input: { ...fields, [field]: id } }, null, 2);
}

/** "line 3, column 7" of the first syntax error; null if the text is JSON. */
export function syntaxErrorAt(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const [, position] = /at position (\d+)/.exec((error as Error).message) ?? [];
    const before = text.slice(0, position === undefined ? text.length : Number(position)).split("\n");
    return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  }
}

/** The input's property whose pattern is that of a file id. */
function fileField(schema: Record<string, unknown>): string | null {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, { pattern?: string }>);
  return properties.find(([, { pattern }]) => pattern?.startsWith("^file_"))?.[0] ?? null;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
