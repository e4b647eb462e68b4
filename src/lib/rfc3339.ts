/** Times as RFC 3339 section 5.6 writes them: the one grammar for bodies, query parameters and settings. */

import { z } from "zod";

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const RFC3339_CHARS_MAX = 35;

/** A time as an example for messages. */
export const TIME_EXAMPLE = "2026-11-22T12:00:00.000Z";

/**
 * The time as epoch milliseconds, or null if the text is none. Any offset, a lower-case t or z and up to nine digits
 * of a second are read; what is finer than a millisecond is cut off. Hour 24 and second 60 are no times.
 */
export function parseTime(text: string): number | null {
  const parts = text.length <= RFC3339_CHARS_MAX ? RFC3339.exec(text) : null;
  if (!parts) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offsetHour = Number(parts[9] ?? 0);
  const offsetMinute = Number(parts[10] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDate) return null;
  date.setUTCHours(hour, minute, second, Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0")));
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000;
  return date.getTime() - (parts[8] === "-" ? -offsetMs : offsetMs);
}

/** A time in a body; the value stays the text. */
export const rfc3339Schema = z
  .string()
  .refine((text) => parseTime(text) !== null, `Give a time such as ${TIME_EXAMPLE}.`)
  .meta({ format: "date-time" });

/** The epoch milliseconds of a text that `rfc3339Schema` has accepted. Throws for any other. */
export function toEpochMs(text: string): number {
  const at = parseTime(text);
  if (at === null) throw new Error("Not a time that was validated.");
  return at;
}
