/**
 * What a dataset is: named columns and rows of text, in generations of which one is live.
 * Types only; where and how they are kept is the store's affair.
 */

/** A dataset as it was when asked for. `updatedAt` is epoch milliseconds. */
export type Dataset = {
  name: string;
  generation: string;
  columns: string[];
  rowCount: number;
  rowBytesMax: number;
  updatedAt: number;
};

/** A row with its line number in the file, and the cells of the requested columns in that order. */
export type DatasetRow = { line: number; cells: string[] };

export type StagedRow = { line: number; cells: readonly string[] };
export type StagedReject = { line: number; reason: string; row: string };

/** A generation being staged by an import. */
export type DatasetImport = {
  /** Name of the dataset. */
  dataset: string;
  generation: string;
  columns: string[];
  /**
   * Stores rows and rejects by line, so storing them again changes nothing; false once the generation is discarded.
   * A row has at most 256 KiB of text: D1 takes 2 MB, and a byte may need six in JSON.
   */
  stage(rows: readonly StagedRow[], rejects: readonly StagedReject[]): Promise<boolean>;
  /** The rejects so far, in the order of their lines. */
  rejects(): AsyncIterable<StagedReject[]>;
  /** Makes this generation the live one, at once and whole; null once abandoned. May be repeated. */
  publish(): Promise<Dataset | null>;
  /** Gives the generation up: it can neither be staged nor published any more. */
  discard(): Promise<void>;
};
