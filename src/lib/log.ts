/**
 * The log: one record per event, and the only place that writes to the console. Never a key, a secret or an input.
 * Exceptions are logged whole, with stack and causes, because they go nowhere else. Logging never throws.
 */

export type LogFields = Record<string, unknown>;

/** Defined as true by `npm start`: the local console would shorten an object, so there a record is a line of JSON. */
declare const LOG_AS_TEXT: boolean | undefined;

/** Longer chains of causes are cut. */
const CAUSES_MAX = 8;

/** The console's method decides the level that Cloudflare counts error rates by. */
const methods = { info: "log", warn: "warn", error: "error" } as const;

/** Writes one record. Deployed it is an object, whose fields can be searched. */
export function log(level: keyof typeof methods, event: string, fields: LogFields = {}): void {
  const text = toText({ level, event, ...fields });
  const isText = typeof LOG_AS_TEXT !== "undefined" && LOG_AS_TEXT;
  console[methods[level]](isText ? text : JSON.parse(text));
}

function toText(fields: LogFields): string {
  try {
    return JSON.stringify(fields, (_key, value: unknown) => describe(value, CAUSES_MAX));
  } catch {
    const plain = Object.entries(fields).map(([name, value]) => [name, asText(value)]);
    return JSON.stringify(Object.fromEntries(plain));
  }
}

function describe(value: unknown, causesLeft: number): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const errors = value instanceof AggregateError ? value.errors.slice(0, CAUSES_MAX) : [];
  return {
    name,
    message,
    stack,
    ...(cause !== undefined && causesLeft > 0 ? { cause: describe(cause, causesLeft - 1) } : {}),
    ...(errors.length > 0 && causesLeft > 0
      ? { errors: errors.map((one) => describe(one, causesLeft - 1)) }
      : {}),
  };
}

/** A value that JSON cannot hold, as text. */
function asText(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value === "bigint" ? `${value}n` : value;
  try {
    return value instanceof Error ? (value.stack ?? value.message) : JSON.stringify(value);
  } catch {
    return "(not to be written down)";
  }
}
