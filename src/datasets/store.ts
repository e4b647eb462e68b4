/**
 * The tenants' datasets as a job's code sees them: the calls of their objects, with the rows in pages and batches
 * instead of chunks.
 */

import type { Env } from "../env.ts";
import { randomId } from "../lib/id.ts";
import { withRetry } from "../lib/retry.ts";
import { type Chunk, type ChunkKind, type Dataset, datasetObject } from "../rpc/dataset.ts";
import { filesObject } from "../rpc/files.ts";

/**
 * The object stores a text of at most 2 MB. A character has at most three bytes, so this many are safe; a larger row
 * is stored alone.
 */
const CHUNK_CHARS = 300_000;
/** A reader holds one chunk; so many rows of a few bytes are larger in memory than their text. */
const CHUNK_ROWS = 5_000;

/** A row with its line number in the file, and the cells of the requested columns in that order. */
export type DatasetRow = { line: number; cells: string[] };

type StagedRow = { line: number; cells: readonly string[] };
type StagedReject = { line: number; reason: string; row: string };
type Item = readonly [line: number, ...rest: unknown[]];

/** A generation being staged by an import. */
export type DatasetImport = {
  /** Name of the dataset. */
  dataset: string;
  generation: string;
  columns: string[];
  /**
   * Appends rows and rejects, in the order of their lines; those stored already stay as they are. False once the
   * generation is discarded. A row has at most 256 KiB of text: 2 MB are stored, and a byte may need six in JSON.
   */
  stage(rows: readonly StagedRow[], rejects: readonly StagedReject[]): Promise<boolean>;
  /** The rejects so far, in the order of their lines. */
  rejects(): AsyncIterable<StagedReject[]>;
  /** Makes this generation the live one, at once and whole; null once discarded. May be repeated. */
  publish(): Promise<Dataset | null>;
  /** Gives the generation up: it can neither be staged nor published any more. */
  discard(): Promise<void>;
};

/** The tenant's datasets as a job's code sees them. */
export type JobDatasets = {
  /** Null if there is no such dataset. */
  describe(name: string): Promise<Dataset | null>;
  /**
   * The rows of that generation in the order of their lines, in pages. If the generation was replaced meanwhile,
   * rows are missing; a reader that got fewer than `rowCount` must discard them.
   */
  pages(dataset: Dataset, columns: readonly number[]): AsyncIterable<DatasetRow[]>;
  /** Begins a new generation of the dataset and discards every other one that is being staged. */
  beginImport(name: string, columns: readonly string[]): Promise<DatasetImport>;
  /** Continues with a generation; null if it was discarded. */
  resumeImport(name: string, generation: string): Promise<DatasetImport | null>;
};

/**
 * The datasets of `tenant` for the code of job `jobId`. Names of other tenants' datasets mean nothing here.
 * `ensureStorage` rejects if the tenant may store no more, or begin no further dataset.
 */
export function jobDatasets(
  env: Env,
  tenant: string,
  jobId: string,
  ensureStorage: (newDatasets: number) => Promise<void> = async () => undefined,
): JobDatasets {
  const object = (name: string) => datasetObject(env, tenant, name);

  async function* chunks<T>(name: string, generation: string, kind: ChunkKind): AsyncGenerator<T[]> {
    for (let after = 0; ; ) {
      const chunk = await withRetry(() => object(name).chunk(generation, kind, after));
      if (!chunk) return;
      yield JSON.parse(chunk.items) as T[];
      after = chunk.after;
    }
  }

  async function* pages(
    { name, generation }: Dataset,
    columns: readonly number[],
  ): AsyncGenerator<DatasetRow[]> {
    for await (const rows of chunks<[number, string[]]>(name, generation, "rows"))
      yield rows.map(([line, cells]) => ({ line, cells: columns.map((column) => cells[column] ?? "") }));
  }

  /** What a dataset takes counts for its tenant. */
  const enter = (name: string, size: number) =>
    withRetry(() => filesObject(env, tenant).saveDataset(tenant, { name, size }));

  function openImport(name: string, generation: string, columns: string[]): DatasetImport {
    return {
      dataset: name,
      generation,
      columns,
      async stage(rows, rejects) {
        if (rows.length + rejects.length === 0) return true;
        await ensureStorage(0);
        const staged = {
          rows: toChunks(rows.map(({ line, cells }) => [line, cells])),
          rejects: toChunks(rejects.map(({ line, reason, row }) => [line, reason, row])),
        };
        return withRetry(() => object(name).stage(generation, staged));
      },
      async *rejects() {
        for await (const page of chunks<[number, string, string]>(name, generation, "rejects"))
          yield page.map(([line, reason, row]) => ({ line, reason, row }));
      },
      async publish() {
        const published = await withRetry(() => object(name).publish(generation));
        if (published) await enter(name, published.size);
        return published && { name, ...published };
      },
      discard: () => withRetry(() => object(name).discard(generation)),
    };
  }

  return {
    pages,
    async describe(name) {
      const live = await withRetry(() => object(name).describe());
      return live && { name, ...live };
    },
    async beginImport(name, columns) {
      const generation = randomId("gen");
      await ensureStorage((await withRetry(() => object(name).describe())) === null ? 1 : 0);
      await enter(name, 0);
      await withRetry(() => object(name).begin(tenant, jobId, generation, [...columns]));
      return openImport(name, generation, [...columns]);
    },
    async resumeImport(name, generation) {
      const columns = await withRetry(() => object(name).resume(generation));
      return columns && openImport(name, generation, columns);
    },
  };
}

/** The items in chunks, none larger than the object stores. */
function toChunks(items: readonly Item[]): Chunk[] {
  const chunks: { lines: number[]; members: string[] }[] = [];
  let room = 0;
  for (const item of items) {
    const member = JSON.stringify(item);
    room -= member.length;
    if (room < 0 || chunks.at(-1)?.lines.length === CHUNK_ROWS) {
      chunks.push({ lines: [], members: [] });
      room = CHUNK_CHARS - member.length;
    }
    chunks.at(-1)?.lines.push(item[0]);
    chunks.at(-1)?.members.push(member);
  }
  return chunks.map(({ lines, members }) => ({
    firstLine: lines[0] ?? 0,
    lastLine: lines.at(-1) ?? 0,
    count: lines.length,
    items: `[${members.join()}]`,
  }));
}
