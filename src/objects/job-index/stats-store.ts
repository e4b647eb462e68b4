/**
 * What became of a tenant's jobs, summed up per hour and type. A row a type and hour is all there is, so a question
 * about a month costs as little as its hours are many, and the counts outlive the jobs.
 */

import { DAY, HOUR } from "../../core/time.ts";
import { addToHistogram, type Histogram, quantile } from "../../lib/histogram.ts";
import type { IndexEntry } from "../../rpc/index-entry.ts";
import type { HourStats } from "../../rpc/job-index.ts";

/** Sums are kept for so long. */
const STATS_KEPT_MS = 400 * DAY;

type StatsRow = Omit<HourStats, "queueTimeMs" | "runTimeMs"> & { queueTime: Histogram; runTime: Histogram };

const STATS_TABLE = `CREATE TABLE IF NOT EXISTS stats (
  hour INTEGER NOT NULL, type TEXT NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (hour, type)
) WITHOUT ROWID`;

const ZERO_COUNTS = { accepted: 0, succeeded: 0, failed: 0, cancelled: 0, attempts: 0 };

/** The counts of one tenant. `createTable` must have been called before anything else. */
export function openStatsStore({ sql }: DurableObjectStorage) {
  const find = (hour: number, type: string): StatsRow => {
    const [row] = sql
      .exec<{ counts: string }>("SELECT counts FROM stats WHERE hour = ? AND type = ?", hour, type)
      .toArray();
    return row
      ? { hour, type, ...JSON.parse(row.counts) }
      : { hour, type, ...ZERO_COUNTS, queueTime: {}, runTime: {} };
  };

  return {
    createTable: () => void sql.exec(STATS_TABLE),

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
        countFinished({ job, finishedAt, queueTimeMs, runTimeMs }: IndexEntry): void {
          if (finishedAt === null || job.status === "queued" || job.status === "running") return;
          const row = rowFor(finishedAt, job.type);
          row[job.status] += 1;
          row.attempts += job.attempt;
          if (queueTimeMs !== null) addToHistogram(row.queueTime, queueTimeMs);
          if (runTimeMs !== null) addToHistogram(row.runTime, runTimeMs);
        },
        save(): void {
          for (const { hour, type, ...counts } of rows.values())
            sql.exec(
              "INSERT INTO stats VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET counts = excluded.counts",
              ...[hour, type, JSON.stringify(counts)],
            );
        },
      };
    },

    /** The counts from the hour of `from` up to `to` (exclusive), oldest first; of one type, or of all. */
    read(from: number, to: number, type: string | null): HourStats[] {
      const rows = sql.exec<{ hour: number; type: string; counts: string }>(
        "SELECT hour, type, counts FROM stats WHERE hour >= ? AND hour < ? AND (? IS NULL OR type = ?)",
        ...[from - (from % HOUR), to, type, type],
      );
      // One row at a time: those of three months together would not fit into memory well.
      return Array.from(rows, ({ counts, ...key }) => toHourStats({ ...key, ...JSON.parse(counts) }));
    },

    /** Forgets counts that are too old. */
    prune: (now: number) => void sql.exec("DELETE FROM stats WHERE hour < ?", now - STATS_KEPT_MS),
  };
}

function toHourStats({ queueTime, runTime, ...counts }: StatsRow): HourStats {
  const shares = (of: Histogram) => ({ p50: quantile(of, 0.5), p95: quantile(of, 0.95) });
  return { ...counts, queueTimeMs: shares(queueTime), runTimeMs: shares(runTime) };
}
