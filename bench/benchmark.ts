/** A benchmark has a name and a run, which returns the rows of one table or throws if the measured work was not done. */

/** One line of a table. The ratio needs something to compare with; the goal is optional. */
export type Row = {
  what: string;
  /** The figures of the service and of the other side, with units. */
  service: string;
  other?: string;
  /** Above 1, the service is better. */
  ratio?: number;
  goal?: Goal;
};

/** What a figure of the row must reach; `text` is for the reader. */
export type Goal = { text: string; isMet: boolean };

export type Benchmark = {
  /** As `--only` and docs/internals/benchmarks.md have it. */
  name: string;
  title: string;
  run: () => Promise<Row[]>;
};

/** The goal of a ratio of at least `least`. */
export function atLeast(least: number, ratio: number): Goal {
  return { text: `≥ ${least}`, isMet: ratio >= least };
}

/** A figure with its unit, in about three significant digits. */
export function figure(value: number, unit: string): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

/** Throws with `what` unless the condition holds. */
export function ensure(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`Not measured: ${what}.`);
}
