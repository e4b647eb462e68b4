/**
 * The log: one JSON line per thing that happened, and the only place that writes to the console.
 * Never a key, a secret or an input; exceptions whole, with stack and causes, for they go nowhere else.
 */

export type LogFields = Record<string, unknown>;

/** Writes one line. The level is a field, so that the line is the same JSON wherever it is read. */
export function log(level: "info" | "warn" | "error", event: string, fields: LogFields = {}): void {
  console.log(JSON.stringify({ level, event, ...fields }, describeErrors));
}

function describeErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? describeError(value) : value;
}

function describeError(error: Error): LogFields {
  const { name, message, stack, cause } = error;
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
