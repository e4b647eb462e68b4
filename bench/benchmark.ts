/** What a benchmark is: a name, and a run that answers rows of one table, or throws if what it measured did not happen. */

/** One line of a table; what has nothing to be compared with has no ratio, what has no goal none. */
export type Row = {
  what: string;
  /** The service's figure with its unit, and that of what it is compared with. */
  service: string;
  other?: string;
  /** Above 1, the service is better. */
  ratio?: number;
  goal?: Goal;
};

/** What the ratio, or another figure of the row, must reach; `text` says it to the reader. */
export type Goal = { text: string; isMet: boolean };

export type Benchmark = {
  /** As `--only` and docs/internals/benchmarks.md have it. */
  name: string;
  title: string;
  run: () => Promise<Row[]>;
};

/** The goal of a ratio that is at least so large. */
export function atLeast(least: number, ratio: number): Goal {
  return { text: `≥ ${least}`, isMet: ratio >= least };
}

/** A figure with its unit, in as many digits as say something. */
export function figure(value: number, unit: string): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

/** Throws with `what` unless it is so: a benchmark of what did not happen is none. */
export function ensure(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(`Not measured: ${what}.`);
}
