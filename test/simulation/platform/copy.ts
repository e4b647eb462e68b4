/** What crosses between processes or into storage is copied, as by the structured clone algorithm, only faster. */

/** A deep copy of plain data. Throws for what no message may carry, such as a function. */
export function copy<T>(value: T): T {
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    if (typeof value === "function" || typeof value === "symbol")
      throw new DOMException(`${String(value)} could not be cloned.`, "DataCloneError");
    return value;
  }
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Uint8Array) return value.slice();
  const copied: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) copied[name] = copyOf(member);
  return copied;
}
