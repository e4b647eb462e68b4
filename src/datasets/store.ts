/**
 * The tenants' datasets: rows in D1 by generation, and for each dataset a pointer to its live generation. An import
 * stages a generation and switches the pointer at the end, so readers see either the old rows or the new ones.
 * Other generations are discarded and purged in portions.
 */

import type { Env } from "../env.ts";
import { randomId } from "../lib/id.ts";
import { now } from "../lib/runtime.ts";
import type { Dataset, DatasetImport, DatasetRow, StagedReject, StagedRow } from "./dataset.ts";

/**
 * D1 takes a text of at most 2 MB. A character has at most three bytes, so this many are safe; a larger row is
 * stored alone.
 */
const STATEMENT_CHARS = 300_000;

/** The target size of a page of rows. The largest row of the dataset decides how many rows that is. */
const PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_ROWS_MAX = 5_000;
const PAGE_ROWS_MIN = 8;

const PURGE_ROWS = 5_000;
const REJECTS_PAGE = 100;

const SELECT_DATASET =
  "SELECT generation, columns, row_count, row_bytes_max, updated_at FROM datasets WHERE tenant = ? AND name = ?";

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
  /** Purges rows of the dataset's discarded generations until none are left or `goOn` returns false. */
  purge(name: string, goOn: () => boolean): Promise<void>;
};

type DatasetRecord = {
  generation: string;
  columns: string;
  row_count: number;
  row_bytes_max: number;
  updated_at: number;
};

/** The datasets of `tenant` for the code of job `jobId`. Names of other tenants' datasets mean nothing here. */
export function jobDatasets(env: Pick<Env, "DATA">, tenant: string, jobId: string): JobDatasets {
  const db = env.DATA;

  async function describe(name: string): Promise<Dataset | null> {
    const record = await db.prepare(SELECT_DATASET).bind(tenant, name).first<DatasetRecord>();
    return record && datasetOf(name, record);
  }

  async function* pages(dataset: Dataset, columns: readonly number[]): AsyncGenerator<DatasetRow[]> {
    const fitting = Math.floor(PAGE_BYTES / Math.max(1, dataset.rowBytesMax));
    const limit = Math.max(PAGE_ROWS_MIN, Math.min(PAGE_ROWS_MAX, fitting));
    const wanted = columns.map((column) => `cells -> ${Math.trunc(column)}`).join(", ");
    const statement = db.prepare(
      `SELECT line, json_array(${wanted}) FROM dataset_rows WHERE generation = ? AND line > ? ORDER BY line LIMIT ?`,
    );
    for (let after = 0, size = limit; size === limit; ) {
      const rows = await statement.bind(dataset.generation, after, limit).raw<[number, string]>();
      size = rows.length;
      after = rows.at(-1)?.[0] ?? after;
      if (size > 0) yield rows.map(([line, cells]) => ({ line, cells: JSON.parse(cells) as string[] }));
    }
  }

  async function beginImport(name: string, columns: readonly string[]): Promise<DatasetImport> {
    const generation = randomId("gen");
    await db.batch([
      db
        .prepare(
          `UPDATE dataset_generations SET abandoned = 1 WHERE tenant = ?1 AND dataset = ?2
           AND generation NOT IN (SELECT generation FROM datasets WHERE tenant = ?1 AND name = ?2)`,
        )
        .bind(tenant, name),
      db
        .prepare(
          "INSERT INTO dataset_generations (tenant, dataset, generation, job_id, columns) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(tenant, name, generation, jobId, JSON.stringify(columns)),
    ]);
    return openImport(db, { tenant, name, generation, columns: [...columns] });
  }

  async function resumeImport(name: string, generation: string): Promise<DatasetImport | null> {
    const record = await db
      .prepare(
        `SELECT columns FROM dataset_generations
         WHERE tenant = ? AND dataset = ? AND generation = ? AND abandoned = 0`,
      )
      .bind(tenant, name, generation)
      .first<{ columns: string }>();
    if (!record) return null;
    return openImport(db, { tenant, name, generation, columns: JSON.parse(record.columns) as string[] });
  }

  async function purge(name: string, goOn: () => boolean): Promise<void> {
    const { results } = await db
      .prepare(
        "SELECT generation FROM dataset_generations WHERE tenant = ? AND dataset = ? AND abandoned = 1",
      )
      .bind(tenant, name)
      .all<{ generation: string }>();
    for (const { generation } of results) await purgeGeneration(db, { tenant, name, generation }, goOn);
  }

  return { describe, pages, beginImport, resumeImport, purge };
}

/**
 * Deletes what a job's imports staged and never published, while `goOn` returns true; true if nothing is left. May
 * be repeated, and continues where it stopped.
 */
export async function deleteStagedByJob(
  env: Pick<Env, "DATA">,
  tenant: string,
  jobId: string,
  goOn: () => boolean,
): Promise<boolean> {
  const db = env.DATA;
  const [, found] = await db.batch<{ dataset: string; generation: string }>([
    db
      .prepare(
        `UPDATE dataset_generations SET abandoned = 1 WHERE tenant = ?1 AND job_id = ?2
         AND generation NOT IN (SELECT generation FROM datasets WHERE tenant = ?1)`,
      )
      .bind(tenant, jobId),
    db
      .prepare(
        "SELECT dataset, generation FROM dataset_generations WHERE tenant = ? AND job_id = ? AND abandoned = 1",
      )
      .bind(tenant, jobId),
  ]);
  for (const { dataset, generation } of found?.results ?? []) {
    if (!(await purgeGeneration(db, { tenant, name: dataset, generation }, goOn))) return false;
  }
  return true;
}

type LineValue = readonly [line: number, value: unknown];
type Generation = { tenant: string; name: string; generation: string };

function openImport(db: D1Database, staged: Generation & { columns: string[] }): DatasetImport {
  const { tenant, name, generation, columns } = staged;
  async function stage(rows: readonly StagedRow[], rejects: readonly StagedReject[]): Promise<boolean> {
    if (rows.length + rejects.length === 0) return true;
    const answers = await db.batch([
      ...insertsOf(
        db,
        staged,
        "dataset_rows",
        "cells",
        rows.map((row) => [row.line, row.cells]),
      ),
      ...insertsOf(
        db,
        staged,
        "dataset_rejects",
        "reject",
        rejects.map(({ line, reason, row }) => [line, [reason, row]]),
      ),
    ]);
    return answers.some(({ meta }) => meta.changes > 0);
  }

  async function* rejects(): AsyncGenerator<StagedReject[]> {
    const statement = db.prepare(
      "SELECT line, reject FROM dataset_rejects WHERE generation = ? AND line > ? ORDER BY line LIMIT ?",
    );
    for (let after = 0, size = REJECTS_PAGE; size === REJECTS_PAGE; ) {
      const found = await statement.bind(generation, after, REJECTS_PAGE).raw<[number, string]>();
      size = found.length;
      after = found.at(-1)?.[0] ?? after;
      if (size > 0) yield found.map(([line, reject]) => rejectOf(line, reject));
    }
  }

  async function publish(): Promise<Dataset | null> {
    const [, , live] = await db.batch<DatasetRecord>([
      db
        .prepare(
          `INSERT OR REPLACE INTO datasets
             (tenant, name, generation, columns, row_count, row_bytes_max, updated_at)
           SELECT tenant, dataset, generation, columns,
             (SELECT COUNT(*) FROM dataset_rows WHERE generation = ?3),
             (SELECT COALESCE(MAX(octet_length(cells)), 0) FROM dataset_rows WHERE generation = ?3), ?4
           FROM dataset_generations WHERE tenant = ?1 AND dataset = ?2 AND generation = ?3 AND abandoned = 0`,
        )
        .bind(tenant, name, generation, now()),
      db
        .prepare(
          `UPDATE dataset_generations SET abandoned = 1 WHERE tenant = ?1 AND dataset = ?2 AND generation <> ?3
           AND EXISTS (SELECT 1 FROM datasets WHERE tenant = ?1 AND name = ?2 AND generation = ?3)`,
        )
        .bind(tenant, name, generation),
      db.prepare(`${SELECT_DATASET} AND generation = ?`).bind(tenant, name, generation),
    ]);
    const record = live?.results[0];
    return record ? datasetOf(name, record) : null;
  }

  async function discard(): Promise<void> {
    await db
      .prepare(
        `UPDATE dataset_generations SET abandoned = 1 WHERE tenant = ?1 AND dataset = ?2 AND generation = ?3
         AND NOT EXISTS (SELECT 1 FROM datasets WHERE tenant = ?1 AND name = ?2 AND generation = ?3)`,
      )
      .bind(tenant, name, generation)
      .run();
  }

  return { dataset: name, generation, columns, stage, rejects, publish, discard };
}

/** Statements that store these items by line, unless the generation was discarded meanwhile. */
function insertsOf(
  db: D1Database,
  { tenant, name, generation }: Generation,
  table: string,
  column: string,
  items: readonly LineValue[],
): D1PreparedStatement[] {
  const statement = db.prepare(
    `INSERT OR REPLACE INTO ${table} (generation, line, ${column})
     SELECT ?1, CAST(key AS INTEGER), value FROM json_each(?2)
     WHERE EXISTS (SELECT 1 FROM dataset_generations
       WHERE tenant = ?3 AND dataset = ?4 AND generation = ?1 AND abandoned = 0)`,
  );
  return objectsByLine(items).map((object) => statement.bind(generation, object, tenant, name));
}

/** Purges a discarded generation, its record last, so that the next call continues a purge that stopped (false). */
async function purgeGeneration(db: D1Database, purged: Generation, goOn: () => boolean): Promise<boolean> {
  const { tenant, name, generation } = purged;
  for (const table of ["dataset_rows", "dataset_rejects"]) {
    const statement = db
      .prepare(
        `DELETE FROM ${table} WHERE generation = ?1 AND line <= (SELECT MAX(line) FROM
           (SELECT line FROM ${table} WHERE generation = ?1 ORDER BY line LIMIT ?2))`,
      )
      .bind(generation, PURGE_ROWS);
    for (let deleted = PURGE_ROWS; deleted === PURGE_ROWS; ) {
      if (!goOn()) return false;
      deleted = (await statement.run()).meta.changes;
    }
  }
  await db
    .prepare("DELETE FROM dataset_generations WHERE tenant = ? AND dataset = ? AND generation = ?")
    .bind(tenant, name, generation)
    .run();
  return true;
}

/** The items as JSON objects of values by line, for json_each; none larger than D1 takes. */
function objectsByLine(items: readonly LineValue[]): string[] {
  const objects: string[][] = [];
  let room = 0;
  for (const [line, value] of items) {
    const member = `"${line}":${JSON.stringify(value)}`;
    room -= member.length;
    const last = objects.at(-1);
    if (last && room >= 0) last.push(member);
    else {
      objects.push([member]);
      room = STATEMENT_CHARS - member.length;
    }
  }
  return objects.map((members) => `{${members.join()}}`);
}

function rejectOf(line: number, reject: string): StagedReject {
  const [reason, row] = JSON.parse(reject) as [string, string];
  return { line, reason, row };
}

function datasetOf(name: string, record: DatasetRecord): Dataset {
  return {
    name,
    generation: record.generation,
    columns: JSON.parse(record.columns) as string[],
    rowCount: record.row_count,
    rowBytesMax: record.row_bytes_max,
    updatedAt: record.updated_at,
  };
}
