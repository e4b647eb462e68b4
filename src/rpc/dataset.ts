/**
 * The calls of a dataset object. It has the rows of one dataset of a tenant, in generations of which one is live. Rows
 * travel and are stored in chunks: JSON texts of many rows, each with its line.
 */

import type { Env } from "../env.ts";
import { tenantObject } from "./location.ts";

/** A dataset as it was when asked for. `updatedAt` is epoch milliseconds. */
export type Dataset = {
  name: string;
  generation: string;
  columns: string[];
  rowCount: number;
  /** Bytes of its rows as they are stored. */
  size: number;
  updatedAt: number;
  /** The job that imported it. */
  updatedBy: string;
};

/** Consecutive rows or rejects: `items` is a JSON array of arrays that begin with their line. */
export type Chunk = { firstLine: number; lastLine: number; count: number; items: string };
export type ChunkKind = "rows" | "rejects";

/** `after` is where the next chunk is asked for. */
export type StoredChunk = { items: string; after: number };

export type DatasetApi = {
  /** The live generation; null if there is none. Writes nothing. */
  describe(): Promise<Omit<Dataset, "name"> | null>;
  /** The generation's next chunk, from 0 on; null if none follows, or if the generation was deleted. Writes nothing. */
  chunk(generation: string, kind: ChunkKind, after: number): Promise<StoredChunk | null>;
  /** Begins a generation for a job, and gives up every other one that is being staged. */
  begin(tenant: string, jobId: string, generation: string, columns: string[]): Promise<void>;
  /** The columns of a generation that is being staged; null if it was given up. */
  resume(generation: string): Promise<string[] | null>;
  /**
   * Appends chunks in the order of their lines. What begins at or before the last stored line is there already, so
   * storing it again changes nothing. False once the generation is given up.
   */
  stage(generation: string, chunks: Record<ChunkKind, Chunk[]>): Promise<boolean>;
  /** Makes this generation the live one, at once and whole; null once it was given up. May be repeated. */
  publish(generation: string): Promise<Omit<Dataset, "name"> | null>;
  /** Gives up a generation that is not live. */
  discard(generation: string): Promise<void>;
  /**
   * Deletes the live generation, or all: at once for readers, its rows soon. False if none is live. May be repeated. An
   * import under way makes the dataset anew.
   */
  delete(which: "live" | "all"): Promise<boolean>;
};

/** A fresh stub of the dataset's object. */
export function datasetObject(env: Env, tenant: string, name: string): DatasetApi {
  return tenantObject(env, "DATASETS", tenant, `/${name}`) as unknown as DatasetApi;
}
