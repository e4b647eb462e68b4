/**
 * The log: one JSON line per event, and the only place that writes to the console. Never a key, a secret or an
 * input. Exceptions are logged whole, with stack and causes, because they go nowhere else. Logging never throws.
 */

export type LogFields = Record<string, unknown>;

/** Longer chains of causes are cut. */
const CAUSES_MAX = 8;

/** Writes one line. The level is a field, so the line is the same JSON wherever it is read. */
export function log(level: "info" | "warn" | "error", event: string, fields: LogFields = {}): void {
  console.log(toLine({ level, event, ...fields }));
}

function toLine(fields: LogFields): string {
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
