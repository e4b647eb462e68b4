/**
 * Which regular expressions a tenant may bring along. A pattern is tried against input of any length, beside other
 * tenants' requests, so it must be one that is slow for no text.
 */

const CHARS_MAX = 200;

/** How many ways a text may be tried in from one place, beside the one repetition without a bound. */
const WAYS_MAX = 1_000;

/**
 * Why the pattern is refused; null if it is acceptable. Acceptable is what tries every place of a text in a bounded number
 * of ways: at most one repetition without a bound, and then from the beginning only.
 */
export function patternFault(pattern: string): string | null {
  if (pattern.length > CHARS_MAX) return `Patterns have at most ${CHARS_MAX} characters.`;
  try {
    new RegExp(pattern, "u");
  } catch {
    return "This is no regular expression.";
  }
  const plain = pattern.replace(/\\[pP]\{[^}]*\}|\\[^0-9k]/g, "x").replace(/\[[^\][]*\]/g, "x");
  if (/\\/.test(plain) || /\(\?(?!:)/.test(plain))
    return "Back references, look-around and named groups are not supported.";
  if (/\)\??[*+{]/.test(plain)) return "A group must not be repeated.";
  const repetitions = [...plain.matchAll(/[*+]|\{(\d{1,4})(?:(,)(\d{0,4}))?\}/g)];
  const isUnbounded = ([text, , comma, max]: RegExpExecArray) =>
    text === "*" || text === "+" || (comma === "," && max === "");
  const unbounded = repetitions.filter(isUnbounded).length;
  if (unbounded > 1) return "Only one repetition may have no bound. Give the others one, such as {1,20}.";
  if (unbounded === 1 && (!plain.startsWith("^") || plain.includes("|")))
    return "A repetition without a bound needs a pattern that begins with ^ and has no alternatives.";
  const widths = repetitions.map(([, min = "", comma, max]) =>
    comma === "," && max ? Number(max) - Number(min) + 1 : 1,
  );
  const optional = plain.split("?").length - plain.split("(?").length;
  const alternatives = plain.split("|").length;
  const ways = widths.reduce(
    (product, width) => product * width,
    2 ** Math.max(0, optional) * alternatives ** 2,
  );
  return ways > WAYS_MAX ? "The pattern may be tried in too many ways. Give narrower bounds." : null;
}
