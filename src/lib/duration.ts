/** Durations and distances in time as people say them. Pure; used by the server and by the browser's script alike. */

const units = [
  { ms: 86_400_000, short: "d", long: "day" },
  { ms: 3_600_000, short: "h", long: "hour" },
  { ms: 60_000, short: "min", long: "minute" },
  { ms: 1_000, short: "s", long: "second" },
] as const;

/** `ms` milliseconds with their two largest units: "350 ms", "4.2 s", "3 min 20 s". */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const first = units.findIndex((unit) => ms >= unit.ms);
  const [large, small] = units.slice(first);
  if (!large) return "0 s";
  const whole = Math.floor(ms / large.ms);
  const rest = small ? Math.floor((ms % large.ms) / small.ms) : 0;
  return `${whole} ${large.short}${small && rest > 0 ? ` ${rest} ${small.short}` : ""}`;
}

/** How far `at` is from `now` (both epoch milliseconds): "3 minutes ago", "in 12 seconds". */
export function formatRelative(at: number, now: number): string {
  const distance = Math.abs(at - now);
  const unit = units.find(({ ms }) => distance >= ms);
  if (!unit) return at > now ? "in a moment" : "just now";
  const count = Math.floor(distance / unit.ms);
  const words = `${count} ${unit.long}${count === 1 ? "" : "s"}`;
  return at > now ? `in ${words}` : `${words} ago`;
}
