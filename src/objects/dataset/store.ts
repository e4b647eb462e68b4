/** The generations of a dataset and their chunks. A generation is staged, then live, then discarded and deleted. */

import type { Chunk, ChunkKind, Dataset, StoredChunk } from "../../rpc/dataset.ts";

const GENERATIONS_TABLE = `CREATE TABLE IF NOT EXISTS generations (
  id TEXT PRIMARY KEY,
  job_id TEXT NOT NULL,
  columns TEXT NOT NULL,
  state TEXT NOT NULL,
  row_count INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  last_line INTEGER NOT NULL DEFAULT 0,
  changed_at INTEGER NOT NULL
) WITHOUT ROWID`;
const HAS_SIZE = "SELECT 1 FROM pragma_table_info('generations') WHERE name = 'size'";
const ADD_SIZE = "ALTER TABLE generations ADD COLUMN size INTEGER NOT NULL DEFAULT 0";
const CHUNKS_TABLE = `CREATE TABLE IF NOT EXISTS chunks (
  id INTEGER PRIMARY KEY,
  generation TEXT NOT NULL,
  kind TEXT NOT NULL,
  items TEXT NOT NULL
)`;
const CHUNKS_INDEX = "CREATE INDEX IF NOT EXISTS chunks_of_generation ON chunks (generation, kind, id)";

const DATASET_TENANT_KEY = "tenant";

type Generation = {
  id: string;
  job_id: string;
  columns: string;
  state: "staged" | "live" | "discarded";
  row_count: number;
  size: number;
  last_line: number;
  changed_at: number;
};

/** A generation that an import is, or was, writing. Times are epoch milliseconds. */
export type StagedGeneration = { id: string; jobId: string; changedAt: number };

/** The generations in this storage. */
export class Generations {
  readonly #storage: DurableObjectStorage;
  #hasTables = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Whose dataset it is; undefined before the first import. */
  get tenant(): string | undefined {
    return this.#storage.kv.get<string>(DATASET_TENANT_KEY);
  }

  live(): Omit<Dataset, "name"> | null {
    const [found] = this.#select("state = 'live'");
    return found ? datasetOf(found) : null;
  }

  staged(): StagedGeneration[] {
    return this.#select("state = 'staged'").map(({ id, job_id, changed_at }) => {
      return { id, jobId: job_id, changedAt: changed_at };
    });
  }

  columnsOfStaged(id: string): string[] | null {
    const found = this.#find(id, "staged");
    return found ? (JSON.parse(found.columns) as string[]) : null;
  }

  begin(tenant: string, jobId: string, id: string, columns: readonly string[], now: number): void {
    if (this.tenant === undefined) this.#storage.kv.put(DATASET_TENANT_KEY, tenant);
    this.#run("UPDATE generations SET state = 'discarded' WHERE state = 'staged' AND id <> ?", id);
    this.#run(
      "INSERT OR IGNORE INTO generations (id, job_id, columns, state, changed_at) VALUES (?, ?, ?, 'staged', ?)",
      id,
      jobId,
      JSON.stringify(columns),
      now,
    );
  }

  /** Whether the generation takes chunks; those that are stored already are left out. */
  append(id: string, chunks: Record<ChunkKind, readonly Chunk[]>, now: number): boolean {
    const found = this.#find(id, "staged");
    if (!found) return false;
    const rows = chunks.rows.flatMap((chunk) => following(chunk, found.last_line));
    const rejects = chunks.rejects.flatMap((chunk) => following(chunk, found.last_line));
    for (const { items } of rows) this.#insert(id, "rows", items);
    for (const { items } of rejects) this.#insert(id, "rejects", items);
    const added = [...rows, ...rejects];
    if (added.length === 0) return true;
    this.#run(
      "UPDATE generations SET row_count = row_count + ?, size = size + ?, last_line = ?, changed_at = ? WHERE id = ?",
      rows.reduce((sum, { count }) => sum + count, 0),
      added.reduce((sum, { items }) => sum + items.length, 0),
      Math.max(...added.map(({ lastLine }) => lastLine)),
      now,
      id,
    );
    return true;
  }

  publish(id: string, now: number): Omit<Dataset, "name"> | null {
    if (this.#find(id, "staged")) {
      this.#run("UPDATE generations SET state = 'discarded' WHERE id <> ?", id);
      this.#run("UPDATE generations SET state = 'live', changed_at = ? WHERE id = ?", now, id);
    }
    const found = this.#find(id, "live");
    return found && datasetOf(found);
  }

  discard(id: string): void {
    this.#run("UPDATE generations SET state = 'discarded' WHERE id = ? AND state = 'staged'", id);
  }

  /** Discards the live generation, and with it those that are staged if they are to go, too. */
  discardLive(withStaged: boolean): void {
    this.#run("UPDATE generations SET state = 'discarded' WHERE state = 'live' OR ?", withStaged ? 1 : 0);
  }

  nextChunk(id: string, kind: ChunkKind, after: number): StoredChunk | null {
    const [found] = this.#run<{ id: number; items: string }>(
      "SELECT id, items FROM chunks WHERE generation = ? AND kind = ? AND id > ? ORDER BY id LIMIT 1",
      id,
      kind,
      after,
    );
    return found ? { items: found.items, after: found.id } : null;
  }

  isEmpty(): boolean {
    return this.#select("TRUE").length === 0;
  }

  /** To be called when the storage was deleted. */
  reset(): void {
    this.#hasTables = false;
  }

  hasDiscarded(): boolean {
    return this.#select("state = 'discarded'").length > 0;
  }

  /** Deletes up to `count` chunks of discarded generations, and each generation after its last chunk. */
  deleteDiscarded(count: number): void {
    let left = count;
    for (const { id } of this.#select("state = 'discarded'")) {
      const deleted = this.#run(
        "DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE generation = ? LIMIT ?) RETURNING id",
        id,
        left,
      );
      left -= deleted.length;
      if (left === 0) return;
      this.#run("DELETE FROM generations WHERE id = ?", id);
    }
  }

  #insert(generation: string, kind: ChunkKind, items: string): void {
    this.#run("INSERT INTO chunks (generation, kind, items) VALUES (?, ?, ?)", generation, kind, items);
  }

  #find(id: string, state: Generation["state"]): Generation | null {
    const [found] = this.#select("id = ? AND state = ?", id, state);
    return found ?? null;
  }

  #select(condition: string, ...values: string[]): Generation[] {
    return this.#run<Generation>(`SELECT * FROM generations WHERE ${condition}`, ...values);
  }

  /** Reads all rows, so that a later write never meets an open cursor. Before the first write there is nothing to read. */
  #run<R extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): R[] {
    const { sql } = this.#storage;
    if (this.tenant === undefined) return [];
    if (!this.#hasTables) {
      for (const definition of [GENERATIONS_TABLE, CHUNKS_TABLE, CHUNKS_INDEX]) sql.exec(definition);
      // The table of an earlier version has no such column.
      if (sql.exec(HAS_SIZE).toArray().length === 0) sql.exec(ADD_SIZE);
      this.#hasTables = true;
    }
    return sql.exec<R>(statement, ...values).toArray();
  }
}

/** The part of a chunk that lies after `line`: all of it, nothing, or after a change of the chunks' size some of it. */
function following(chunk: Chunk, line: number): Chunk[] {
  if (chunk.firstLine > line) return [chunk];
  if (chunk.lastLine <= line) return [];
  const items = (JSON.parse(chunk.items) as [line: number, ...rest: unknown[]][]).filter(([at]) => at > line);
  return [{ ...chunk, firstLine: items[0]?.[0] ?? line, count: items.length, items: JSON.stringify(items) }];
}

function datasetOf({ id, job_id, columns, row_count, size, changed_at }: Generation): Omit<Dataset, "name"> {
  return {
    generation: id,
    columns: JSON.parse(columns) as string[],
    rowCount: row_count,
    size,
    updatedAt: changed_at,
    updatedBy: job_id,
  };
}
