/** Reads the `Retry-After` header of a response. */

/** Longer waits are cut: a job's total timeout is usually shorter, and a larger number is a mistake. */
const RETRY_AFTER_MS_MAX = 24 * 60 * 60_000;

/**
 * Milliseconds from `now` until a retry (RFC 9110 section 10.2.3: seconds or an HTTP date). At most a day; 0 for a
 * past date; null if the header is missing or malformed.
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, RETRY_AFTER_MS_MAX);
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.min(Math.max(0, at - now), RETRY_AFTER_MS_MAX);
}
