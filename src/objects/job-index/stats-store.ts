/**
 * What became of a partition's jobs, summed up per hour and type. A row for each is all there is, so a question about a
 * month costs as little as its hours are many. When the partition deletes itself, the directory keeps the counts.
 */

import { HOUR } from "../../core/time.ts";
import { addToHistogram } from "../../lib/histogram.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import { addStats, emptyStats, type StatsRow } from "../../rpc/job-stats.ts";
import { purgeDayOf } from "./purge-day.ts";

const STATS_TABLE = `CREATE TABLE IF NOT EXISTS stats (
  hour INTEGER NOT NULL, type TEXT NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (hour, type)
) WITHOUT ROWID`;

/** The counts in this storage. `createTable` must have been called before anything else. */
export function openStatsStore({ sql }: DurableObjectStorage) {
  const find = (hour: number, type: string): StatsRow => {
    const [row] = sql
      .exec<{ counts: string }>("SELECT counts FROM stats WHERE hour = ? AND type = ?", hour, type)
      .toArray();
    return row ? { ...emptyStats(hour, type), ...JSON.parse(row.counts) } : emptyStats(hour, type);
  };

  const write = ({ hour, type, ...counts }: StatsRow): void => {
    sql.exec(
      "INSERT INTO stats VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET counts = excluded.counts",
      ...[hour, type, JSON.stringify(counts)],
    );
  };

  return {
    createTable: () => void sql.exec(STATS_TABLE),

    /** Whether there may be counts; makes no table. */
    hasTable: () => sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'stats'").toArray().length > 0,

    /** Collects what happened, to be written with a row per hour and type however much it was. */
    openBatch() {
      const rows = new Map<string, StatsRow>();
      const rowFor = (at: number, type: string): StatsRow => {
        const hour = at - (at % HOUR);
        const key = `${hour}/${type}`;
        const row = rows.get(key) ?? find(hour, type);
        rows.set(key, row);
        return row;
      };
      return {
        countAccepted({ createdAt, job }: IndexEntry): void {
          rowFor(createdAt, job.type).accepted += 1;
        },
        countFinished({ job, finishedAt, purgeAt, queueTimeMs, runTimeMs }: IndexEntry): void {
          if (finishedAt === null || job.status === "queued" || job.status === "running") return;
          const row = rowFor(finishedAt, job.type);
          row[job.status] += 1;
          row.attempts += job.attempt;
          if (purgeAt !== null) addPurge(row, purgeAt, 1);
          if (queueTimeMs !== null) addToHistogram(row.queueTime, queueTimeMs);
          if (runTimeMs !== null) addToHistogram(row.runTime, runTimeMs);
        },
        countDeleted({ job, finishedAt, purgeAt }: IndexEntry): void {
          if (finishedAt !== null && purgeAt !== null) addPurge(rowFor(finishedAt, job.type), purgeAt, -1);
        },
        save: () => rows.forEach(write),
      };
    },

    /** Adds counts to those that are stored. */
    add(rows: readonly StatsRow[]): void {
      for (const row of rows) {
        const sum = find(row.hour, row.type);
        addStats(sum, row);
        write(sum);
      }
    },

    /** The counts from the hour of `from` up to `to` (exclusive), oldest first; of one type, or of all. */
    read(from: number, to: number, type: string | null): StatsRow[] {
      const rows = sql.exec<{ hour: number; type: string; counts: string }>(
        "SELECT hour, type, counts FROM stats WHERE hour >= ? AND hour < ? AND (? IS NULL OR type = ?)",
        ...[from - (from % HOUR), to, type, type],
      );
      return Array.from(rows, ({ counts, ...key }) => ({ ...key, ...JSON.parse(counts) }));
    },

    /** Forgets the counts of hours before this time. */
    prune: (before: number) => void sql.exec("DELETE FROM stats WHERE hour < ?", before),
  };
}

function addPurge(row: StatsRow, purgeAt: number, jobs: number): void {
  const day = purgeDayOf(purgeAt);
  row.byPurgeDay ??= {};
  row.byPurgeDay[day] = (row.byPurgeDay[day] ?? 0) + jobs;
}

export type StatsStore = ReturnType<typeof openStatsStore>;
