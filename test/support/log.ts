/** What the service logs, kept for the test instead of being printed. */

import { vi } from "vitest";

export type LogRecord = Record<string, unknown> & { level: string; event: string };

/** Keeps the records from now on, until `vi.restoreAllMocks()`. The list grows. */
export function captureLog(): LogRecord[] {
  const records: LogRecord[] = [];
  for (const method of ["log", "warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation((record: LogRecord) => void records.push(record));
  return records;
}
