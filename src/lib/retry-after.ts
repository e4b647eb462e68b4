/** Reads the `Retry-After` of somebody else's answer. */

/** Nobody is waited for longer than a day: a job's time limit ends sooner, and a larger number is a mistake. */
const RETRY_AFTER_MS_MAX = 24 * 60 * 60_000;

/**
 * Milliseconds from `now` until a retry is welcome, by RFC 9110, section 10.2.3: seconds or an HTTP date.
 * At most a day; 0 for a date that has passed; null if the header is missing or says neither.
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, RETRY_AFTER_MS_MAX);
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : Math.min(Math.max(0, at - now), RETRY_AFTER_MS_MAX);
}
