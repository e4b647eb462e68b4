/** A time of the future, whenever the tests run. */

const DAY_MS = 86_400_000;

/** A midnight in two months, RFC 3339 in UTC: no test sees a job begin that was scheduled for it. */
export const LATER = `${new Date(Date.now() + 60 * DAY_MS).toISOString().slice(0, 10)}T00:00:00Z`;
